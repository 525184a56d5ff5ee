import { isDeepStrictEqual } from 'node:util'
import type { EventIntents, NewEvent, QueuedEvent } from '../../repo/queue/event.ts'
import type { EventStore } from '../../repo/queue/event-store.ts'
import type { Intent } from '../../repo/runs/run-row.ts'
import type { ChangeIntents } from '../context/run-context.ts'

/** What a stored event is about to create or delete, beside what is known of the other events of its object. */
export class StoredIntents implements ChangeIntents {
  readonly #event: Pick<NewEvent, 'mapping' | 'resourceId'>
  readonly #events: Pick<EventStore, 'intentsOf'>
  readonly #save: (intents: EventIntents) => Promise<void>
  readonly #own: Record<string, Intent>

  /** @param save resolves when the intents of the event are on the disk */
  constructor(
    event: Pick<NewEvent, 'mapping' | 'resourceId'> & Partial<Pick<QueuedEvent, 'intents'>>,
    events: Pick<EventStore, 'intentsOf'>,
    save: (intents: EventIntents) => Promise<void>,
  ) {
    this.#event = event
    this.#events = events
    this.#save = save
    this.#own = { ...event.intents }
  }

  async known(qualifier: string): Promise<readonly Intent[]> {
    return (await this.#events.intentsOf(this.#event)).flatMap((intents) => intents[qualifier] ?? [])
  }

  async note(qualifier: string, intent: Intent | undefined): Promise<void> {
    if (isDeepStrictEqual(this.#own[qualifier], intent)) return
    if (intent) this.#own[qualifier] = intent
    else delete this.#own[qualifier]
    await this.#save(this.#own)
  }

  has(qualifier: string): boolean {
    return this.#own[qualifier] !== undefined
  }
}
