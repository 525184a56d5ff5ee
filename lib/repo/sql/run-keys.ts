import { randomBytes } from 'node:crypto'
import { internalError, ResourceException } from '../../crest/errors.ts'
import type { RepositoryKeys } from '../repository.ts'
import { EVENTS } from './queue/event-row.ts'
import type { DataKey, WrappedKey } from './runs/run-key-table.ts'
import { MAX_KEY_ID, ownerOf } from './runs/sealer.ts'
import type { Stores } from './stores.ts'

const DATA_KEY_BYTES = 32
const ID_BYTES = 6

/** A first key that is created now would take the place of the one that encrypts what is there. */
const KEY_IS_AWAY =
  'no key is configured, and those in the database are encrypted with one. Put it back (security/crypto.keys); ' +
  'if it is lost, put a new one there (secret generate-key), which leaves them unreadable'

/**
 * The data keys of runs, which encrypt personal data in them. Each run has a random data key, which is stored encrypted with
 * the key of the project: changing that key only encrypts the data keys again, and deleting a data key makes its run
 * unreadable.
 */
export class RunKeys {
  /** Runs that cannot be decrypted and have been logged. */
  readonly logged: Set<number>
  readonly #table: Stores['runKeys']
  readonly #keys: RepositoryKeys | undefined
  /** Runs whose values can be sealed. */
  readonly #ready: Set<number>

  constructor(table: Stores['runKeys'], keys: RepositoryKeys | undefined, known?: RunKeys) {
    this.#table = table
    this.#keys = keys
    this.logged = known ? known.logged : new Set()
    this.#ready = known ? known.#ready : new Set()
  }

  /** The same keys by another way to their table. */
  by(table: Stores['runKeys']): RunKeys {
    return new RunKeys(table, this.#keys, this)
  }

  /**
   * A new data key, and its encrypted form.
   * @param run undefined = a new one
   * @throws ResourceException when there is no key of the project
   */
  async create(run?: number): Promise<{ key: DataKey; wrapped: string }> {
    const key = 1 + (randomBytes(ID_BYTES).readUIntBE(0, ID_BYTES) % MAX_KEY_ID)
    const bytes = randomBytes(DATA_KEY_BYTES)
    try {
      if (await this.#isKeyAway(await this.#table.closed())) throw new Error(KEY_IS_AWAY)
      return { key: { key, bytes }, wrapped: await this.#wrapper.wrap(bytes, placeOf(key)) }
    } catch (error) {
      if (error instanceof ResourceException) throw error
      throw internalError(
        `${run === EVENTS ? 'Queued changes' : 'Reconciliations'} cannot be stored: ${(error as Error).message}`,
        { cause: error },
      )
    }
  }

  /** Notes that a run was stored with its data key. */
  created(run: number): void {
    this.#ready.add(run)
  }

  removed(run: number): void {
    this.#ready.delete(run)
  }

  /** Lets the values of a run be sealed. @throws ResourceException when there is no key of the project */
  async prepare(run: number): Promise<void> {
    if (this.#ready.has(run)) return
    await this.open()
    if (!(await this.#table.use(run))) {
      const { key, wrapped } = await this.create(run)
      await this.#table.add(run, key, wrapped)
    }
    this.#ready.add(run)
  }

  /** Lets events be sealed. @throws ResourceException when there is no key of the project */
  prepareEvents(): Promise<void> {
    return this.prepare(EVENTS)
  }

  /**
   * Decrypts the data keys that are not in use yet.
   * @returns why those of some runs cannot be decrypted, by run
   */
  async open(): Promise<ReadonlyMap<number, string>> {
    const closed = await this.#table.closed()
    // What cannot be read is the reason of each run.
    await this.#isKeyAway(closed).catch(() => true)
    const opened: DataKey[] = []
    const lost = new Map<number, string>()
    for (const one of closed) {
      try {
        opened.push(this.#unwrapped(one))
      } catch (error) {
        lost.set(one.run, (error as Error).message)
      }
    }
    if (opened.length > 0) await this.#table.open(opened)
    return lost
  }

  /** See `Repository.rewrapRunKeys`. */
  async rewrap(): Promise<{ count: number; failures: string[] }> {
    const [changed, failures]: [WrappedKey[], string[]] = [[], []]
    for (const one of await this.#table.all()) {
      try {
        if (this.#wrapper.isCurrent(one.wrapped)) continue
        const { key, bytes } = this.#unwrapped(one)
        changed.push({ ...one, wrapped: await this.#wrapper.wrap(bytes, placeOf(key)) })
      } catch (error) {
        failures.push(`${ownerOf(one.run)} ${(error as Error).message}`)
      }
    }
    if (changed.length > 0) await this.#table.rewrap(changed)
    return { count: changed.length, failures }
  }

  /** Another process may have created the first key since this one has read the keys. */
  async #isKeyAway(closed: readonly WrappedKey[]): Promise<boolean> {
    const keys = this.#keys
    if (closed.length > 0 && keys?.hasKey === false) await keys.refresh()
    return closed.length > 0 && keys?.hasKey === false
  }

  #unwrapped({ key, wrapped }: WrappedKey): DataKey {
    return { key, bytes: this.#wrapper.unwrap(wrapped, placeOf(key)) }
  }

  get #wrapper(): RepositoryKeys {
    if (this.#keys) return this.#keys
    throw new Error('this repository was opened without keys')
  }
}

/** Binds an encrypted data key to its id: it cannot stand for another one. */
const placeOf = (key: number): string => `run/${key}`
