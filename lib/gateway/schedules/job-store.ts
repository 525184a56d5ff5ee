import type { JsonObject } from '../../contract.ts'
import { SerialQueue } from '../../core/serial-queue.ts'
import { ResourceException } from '../../crest/errors.ts'
import type { ObjectStore } from '../../repo/objects/object-store.ts'
import type { Repository } from '../../repo/repository.ts'

/** The state of a job between runs. Times are ISO 8601. */
export interface JobState {
  /** The result of `timingOf` that the times belong to. */
  readonly timing: string
  /** When the job was created or its times were changed. */
  readonly activated: string
  readonly previous: string | null
  /** When it is due. */
  readonly next: string | null
}

/** Definitions of jobs created over REST, the state of persisted jobs, and whether jobs are paused. */
export class JobStore {
  readonly #definitions: ObjectStore
  readonly #states: ObjectStore
  readonly #settings: ObjectStore
  /** Writes in the order of their calls. */
  readonly #queue = new SerialQueue()

  private constructor(definitions: ObjectStore, states: ObjectStore, settings: ObjectStore) {
    this.#definitions = definitions
    this.#states = states
    this.#settings = settings
  }

  static async open(repository: Repository): Promise<JobStore> {
    return new JobStore(
      await repository.store('scheduler/job'),
      await repository.store('scheduler/trigger'),
      await repository.store('scheduler'),
    )
  }

  async definitions(): Promise<ReadonlyMap<string, JsonObject>> {
    return new Map((await all(this.#definitions)).map(({ id, content }) => [id, content]))
  }

  saveDefinition(name: string, definition: JsonObject): Promise<void> {
    return this.#save(this.#definitions, name, definition)
  }

  /** Deletes definition and state. */
  async forget(name: string): Promise<void> {
    await this.forgetDefinition(name)
    await this.forgetState(name)
  }

  forgetState(name: string): Promise<void> {
    return this.#remove(this.#states, name)
  }

  forgetDefinition(name: string): Promise<void> {
    return this.#remove(this.#definitions, name)
  }

  async state(name: string): Promise<JobState | undefined> {
    return (await this.#states.find(name))?.content as JobState | undefined
  }

  saveState(name: string, state: JobState): Promise<void> {
    return this.#save(this.#states, name, { ...state })
  }

  /** Stores what follows a state, unless another process has stored something else since. @returns whether it was stored */
  advance(name: string, from: JobState, state: JobState): Promise<boolean> {
    return this.#queue.add(async () => {
      const found = await this.#states.find(name)
      if (found && found.content.next !== from.next) return false
      try {
        await (found
          ? this.#states.replace(name, found.revision, { ...state })
          : this.#states.insert(name, { ...state }))
        return true
      } catch (error) {
        if (error instanceof ResourceException && [404, 412].includes(error.code)) return false
        throw error
      }
    })
  }

  /** Deletes the states of all other jobs. */
  async retainStates(names: ReadonlySet<string>): Promise<void> {
    for (const { id } of await all(this.#states)) if (!names.has(id)) await this.#remove(this.#states, id)
  }

  async isPaused(): Promise<boolean> {
    return (await this.#settings.find('jobs'))?.content.paused === true
  }

  savePaused(paused: boolean): Promise<void> {
    return this.#save(this.#settings, 'jobs', { paused })
  }

  /** Resolves when the writes under way have ended. */
  idle(): Promise<void> {
    return this.#queue.idle()
  }

  #save(store: ObjectStore, id: string, content: JsonObject): Promise<void> {
    return this.#queue.add(async () => {
      if (await store.find(id)) await store.replace(id, null, content)
      else await store.insert(id, content)
    })
  }

  #remove(store: ObjectStore, id: string): Promise<void> {
    return this.#queue.add(async () => {
      if (await store.find(id)) await store.remove(id, null)
    })
  }
}

const all = async (store: ObjectStore) => {
  const { result } = await store.query({
    method: 'query',
    resourcePath: '',
    fields: [],
    additionalParameters: {},
    queryFilter: { operator: 'literal', value: true },
    sortKeys: [],
    pageSize: 0,
    pagedResultsCookie: null,
    pagedResultsOffset: 0,
    totalPagedResultsPolicy: 'NONE',
  })
  return result
}
