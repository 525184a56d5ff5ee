import { randomUUID } from 'node:crypto'
import type { Logger } from '../../contract.ts'
import type { EventClaim, EventStore } from '../../repo/queue/event-store.ts'
import type { Intent } from '../../repo/runs/run-row.ts'
import type { ChangeIntents } from '../context/run-context.ts'
import type { Change, SyncDetail } from './change.ts'

type ClaimStore = Pick<EventStore, 'intendClaimed' | 'intentsOf' | 'endClaim'>

/** The same change, to be stored as claimed events for the mappings that carry it out at once. */
export const claimed = (change: Change): Change => ({ ...change, claim: randomUUID() })

/** The stored event of a change that one mapping carries out at once: a crash leaves it to the queue. */
export class Claim implements ChangeIntents {
  readonly #claim: EventClaim
  readonly #resourceId: string
  readonly #events: ClaimStore
  readonly #log: Logger
  readonly #intents: Record<string, Intent> = {}

  constructor(claim: EventClaim, resourceId: string, { events, log }: { events: ClaimStore; log: Logger }) {
    this.#claim = claim
    this.#resourceId = resourceId
    this.#events = events
    this.#log = log
  }

  async known(qualifier: string): Promise<Intent | undefined> {
    const own = this.#intents[qualifier]
    if (own) return own
    return (await this.#events.intentsOf({ mapping: this.#claim.mapping, resourceId: this.#resourceId }))[qualifier]
  }

  note(qualifier: string, intent: Intent | undefined): Promise<void> {
    if (intent) this.#intents[qualifier] = intent
    else delete this.#intents[qualifier]
    return this.#events.intendClaimed(this.#claim, this.#intents)
  }

  /** Ends it. What has failed is not repeated, unless nobody knows what has become of it. Never rejects. */
  async end(details: readonly SyncDetail[]): Promise<void> {
    const isInDoubt = details.some(({ result, linkQualifier }) => result === 'FAILED' && this.#intents[linkQualifier])
    try {
      await this.#events.endClaim(this.#claim, isInDoubt ? 'wait' : 'done')
    } catch (error) {
      this.#log.error({ err: error, mapping: this.#claim.mapping }, 'the end of a change cannot be stored')
    }
  }
}
