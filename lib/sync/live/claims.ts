import type { Logger } from '../../contract.ts'
import { ResourceException } from '../../crest/errors.ts'
import type { EventClaim, EventStore } from '../../repo/queue/event-store.ts'
import type { Change, SyncDetail } from './change.ts'
import { StoredIntents } from './stored-intents.ts'

/** The same change, to be stored as claimed events for the mappings that carry it out at once. */
export const claimed = (change: Change, events: Pick<EventStore, 'newClaim'>): Change => ({
  ...change,
  claim: events.newClaim(),
})

const RETRY_MS = 1000

/** What a claim needs of the event store. */
export type ClaimEvents = Pick<EventStore, 'intendClaimed' | 'intentsOf' | 'endClaim' | 'misses' | 'isDeposed'>

/**
 * The stored event of a change that one mapping carries out at once: a crash leaves it to the queue. While the process runs, it
 * ends the claim itself, however long the database is away.
 */
export class Claim {
  readonly intents: StoredIntents
  readonly #claim: EventClaim
  readonly #events: ClaimEvents
  readonly #log: Logger
  readonly #misses: number

  constructor(
    claim: EventClaim & { readonly resourceId: string },
    { events, log }: { readonly events: ClaimEvents; readonly log: Logger },
  ) {
    this.intents = new StoredIntents(claim, events, (intents) => events.intendClaimed(claim, intents))
    this.#claim = claim
    this.#events = events
    this.#log = log
    this.#misses = events.misses
  }

  /**
   * Ends it. What has failed is not repeated, unless its outcome is not known, the database was away, or this process has
   * stopped leading. Never rejects.
   */
  async end(details: readonly SyncDetail[]): Promise<void> {
    const failed = details.filter(({ result }) => result === 'FAILED')
    const isInDoubt = failed.some(({ linkQualifier }) => this.intents.has(linkQualifier))
    const wasAway = failed.length > 0 && (this.#events.misses > this.#misses || this.#events.isDeposed)
    await this.#store(isInDoubt || wasAway ? 'wait' : 'done')
  }

  /** Leaves it to the queue, since it is not known whether it was carried out. Never rejects. */
  leave(): Promise<void> {
    return this.#store('wait')
  }

  async #store(end: 'done' | 'wait'): Promise<void> {
    try {
      await this.#events.endClaim(this.#claim, end)
    } catch (error) {
      if (isUnavailable(error)) setTimeout(() => void this.#store(end), RETRY_MS).unref()
      else this.#log.error({ err: error, mapping: this.#claim.mapping }, 'the end of a change cannot be stored')
    }
  }
}

const isUnavailable = (error: unknown): boolean => error instanceof ResourceException && error.code === 503
