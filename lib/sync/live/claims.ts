import { randomUUID } from 'node:crypto'
import type { Logger } from '../../contract.ts'
import { ResourceException } from '../../crest/errors.ts'
import type { EventClaim, EventStore } from '../../repo/queue/event-store.ts'
import type { Change, SyncDetail } from './change.ts'
import { StoredIntents } from './stored-intents.ts'

/** The same change, to be stored as claimed events for the mappings that carry it out at once. */
export const claimed = (change: Change): Change => ({ ...change, claim: randomUUID() })

const RETRY_MS = 1000
/** When the database is away for so long, another process leads: it takes over all claims. */
const MAX_RETRY_MS = 60_000

/** What a claim needs of the event store. */
export type ClaimEvents = Pick<EventStore, 'intendClaimed' | 'intentsOf' | 'endClaim' | 'misses'>

/** The stored event of a change that one mapping carries out at once: a crash leaves it to the queue. */
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

  /** Ends it. What has failed is not repeated, unless its outcome is not known, or the database was away. Never rejects. */
  async end(details: readonly SyncDetail[]): Promise<void> {
    const failed = details.filter(({ result }) => result === 'FAILED')
    const isInDoubt = failed.some(({ linkQualifier }) => this.intents.has(linkQualifier))
    const wasAway = failed.length > 0 && this.#events.misses > this.#misses
    await this.#store(isInDoubt || wasAway ? 'wait' : 'done', performance.now() + MAX_RETRY_MS)
  }

  /** Leaves it to the queue, since it is not known whether it was carried out. Never rejects. */
  leave(): Promise<void> {
    return this.#store('wait', performance.now() + MAX_RETRY_MS)
  }

  async #store(end: 'done' | 'wait', until: number): Promise<void> {
    try {
      await this.#events.endClaim(this.#claim, end)
    } catch (error) {
      if (isUnavailable(error) && performance.now() < until)
        setTimeout(() => void this.#store(end, until), RETRY_MS).unref()
      else this.#log.error({ err: error, mapping: this.#claim.mapping }, 'the end of a change cannot be stored')
    }
  }
}

const isUnavailable = (error: unknown): boolean => error instanceof ResourceException && error.code === 503
