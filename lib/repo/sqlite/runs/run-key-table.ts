import type { Session } from '../database/session.ts'
import type { WriteQueue } from '../database/write-queue.ts'
import type { Sealer } from './sealer.ts'

/** A data key of a run, encrypted with a key of the project. */
export interface WrappedKey {
  readonly run: number
  readonly key: number
  /** JSON: `{"$crypto": …}`. */
  readonly wrapped: string
}

/** A new data key, or one that was decrypted. */
export interface DataKey {
  readonly key: number
  readonly bytes: Uint8Array
}

/** The data keys of all runs. In clear, they are only in the memory of this thread. */
export class RunKeyTable {
  readonly #session: Session
  readonly #writes: WriteQueue
  readonly #sealer: Sealer

  constructor(session: Session, writes: WriteQueue, sealer: Sealer) {
    this.#session = session
    this.#writes = writes
    this.#sealer = sealer
  }

  /** The keys that are not open yet. */
  async closed(): Promise<WrappedKey[]> {
    return (await this.all()).filter(({ key }) => !this.#sealer.isOpen(key))
  }

  async all(): Promise<WrappedKey[]> {
    return this.#session.all('select run, key, wrapped from run_key order by run, key')
  }

  async open(keys: readonly DataKey[]): Promise<void> {
    for (const { key, bytes } of keys) this.#sealer.open(key, bytes)
  }

  /** Gives a run a further data key. */
  async add(run: number, { key, bytes }: DataKey, wrapped: string): Promise<void> {
    await this.#writes.run((session) => insertKey(session, { run, key, wrapped }))
    this.#sealer.open(key, bytes)
    this.#sealer.use(run, key)
  }

  /** Lets the values of a run be sealed with one of its keys that is open. @returns false when there is none */
  async use(run: number): Promise<boolean> {
    const rows = this.#session.all<{ key: number }>('select key from run_key where run = ?', [run])
    const own = rows.find(({ key }) => this.#sealer.isOpen(key))
    if (own) this.#sealer.use(run, own.key)
    return own !== undefined
  }

  /** Replaces the encrypted form of a data key. */
  async rewrap(keys: readonly WrappedKey[]): Promise<void> {
    const text = 'update run_key set wrapped = ? where run = ? and key = ?'
    await this.#writes.run((session) => {
      for (const { run, key, wrapped } of keys) session.run(text, [wrapped, run, key])
    })
  }
}

export const insertKey = (session: Session, { run, key, wrapped }: WrappedKey): number =>
  session.run('insert into run_key (run, key, wrapped) values (?, ?, ?)', [run, key, wrapped])

/** Rows take their data keys with them to another run. */
export const shareKeys = (session: Session, from: number, to: number): number =>
  session.run('insert or ignore into run_key (run, key, wrapped) select ?, key, wrapped from run_key where run = ?', [
    to,
    from,
  ])

/** Deletes the data keys of a run: what remains of it in free pages cannot be decrypted. @returns the ids that no run has */
export function deleteKeys(session: Session, run: number): number[] {
  const rows = session.all<{ key: number }>('delete from run_key where run = ? returning key', [run])
  const isElsewhere = 'select 1 from run_key where key = ? limit 1'
  return rows.flatMap(({ key }) => (session.all(isElsewhere, [key]).length > 0 ? [] : [key]))
}
