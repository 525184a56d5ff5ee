import { isDeepStrictEqual } from 'node:util'
import type { EventIntents, NewEvent, QueuedEvent } from '../../repo/queue/event.ts'
import type { EventStore } from '../../repo/queue/event-store.ts'
import type { Intent } from '../../repo/runs/run-row.ts'
import type { RunStore } from '../../repo/runs/run-store.ts'
import type { ChangeIntents } from '../context/run-context.ts'

/** No run has this number: none is left out as the one that asks. */
const NO_RUN = 0

/** The intents of a change after those that runs have left of its object: these may have been carried out, too. */
export function besideRuns(
  intents: ChangeIntents,
  runs: Pick<RunStore, 'rows'>,
  mapping: string,
  sourceId: string,
): ChangeIntents {
  return {
    async known(qualifier) {
      const left = (await runs.rows(NO_RUN).unsettledCreations(mapping, sourceId)).filter(
        (row) => row.qualifier === qualifier,
      )
      return [...left.flatMap(({ intent }) => intent ?? []), ...(await intents.known(qualifier))]
    },
    note: (qualifier, intent) => intents.note(qualifier, intent),
  }
}

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
    return (await this.#events.intentsOf(this.#event)).flatMap(({ intents }) => intents[qualifier] ?? [])
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
