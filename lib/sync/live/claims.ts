import { randomUUID } from 'node:crypto'
import type { Logger } from '../../contract.ts'
import type { EventClaim, EventStore } from '../../repo/queue/event-store.ts'
import type { Change, SyncDetail } from './change.ts'
import { StoredIntents } from './stored-intents.ts'

/** The same change, to be stored as claimed events for the mappings that carry it out at once. */
export const claimed = (change: Change): Change => ({ ...change, claim: randomUUID() })

/** The stored event of a change that one mapping carries out at once: a crash leaves it to the queue. */
export class Claim {
  readonly intents: StoredIntents
  readonly #claim: EventClaim
  readonly #events: Pick<EventStore, 'endClaim'>
  readonly #log: Logger

  constructor(
    claim: EventClaim & { readonly resourceId: string },
    { events, log }: { events: Pick<EventStore, 'intendClaimed' | 'intentsOf' | 'endClaim'>; log: Logger },
  ) {
    this.intents = new StoredIntents(claim, events, (intents) => events.intendClaimed(claim, intents))
    this.#claim = claim
    this.#events = events
    this.#log = log
  }

  /** Ends it. What has failed is not repeated, unless nobody knows what has become of it. Never rejects. */
  async end(details: readonly SyncDetail[]): Promise<void> {
    const isInDoubt = details.some((detail) => detail.result === 'FAILED' && this.intents.has(detail.linkQualifier))
    try {
      await this.#events.endClaim(this.#claim, isInDoubt ? 'wait' : 'done')
    } catch (error) {
      this.#log.error({ err: error, mapping: this.#claim.mapping }, 'the end of a change cannot be stored')
    }
  }
}
