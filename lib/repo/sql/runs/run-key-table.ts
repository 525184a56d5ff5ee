import type { Database } from '../statements/database.ts'
import { all, run as runStatement, type Work } from '../statements/work.ts'
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
  readonly #db: Database
  readonly #sealer: Sealer

  constructor(db: Database, sealer: Sealer) {
    this.#db = db
    this.#sealer = sealer
  }

  /** The keys that are not open yet. */
  async closed(): Promise<WrappedKey[]> {
    return (await this.all()).filter(({ key }) => !this.#sealer.isOpen(key))
  }

  async all(): Promise<WrappedKey[]> {
    return this.#db.run(all<WrappedKey>('select run, key, wrapped from run_key order by run, key'))
  }

  async open(keys: readonly DataKey[]): Promise<void> {
    for (const { key, bytes } of keys) this.#sealer.open(key, bytes)
  }

  /** Gives a run a further data key. */
  async add(run: number, { key, bytes }: DataKey, wrapped: string): Promise<void> {
    await this.#db.write(() => insertKey({ run, key, wrapped }))
    this.#sealer.open(key, bytes)
    this.#sealer.use(run, key)
  }

  /** Lets the values of a run be sealed with one of its keys that is open. @returns false when there is none */
  async use(run: number): Promise<boolean> {
    const rows = await this.#db.run(all<{ key: number }>('select key from run_key where run = ?', [run]))
    const own = rows.find(({ key }) => this.#sealer.isOpen(key))
    if (own) this.#sealer.use(run, own.key)
    return own !== undefined
  }

  /** Replaces the encrypted form of a data key. */
  async rewrap(keys: readonly WrappedKey[]): Promise<void> {
    const text = 'update run_key set wrapped = ? where run = ? and key = ?'
    await this.#db.write(function* () {
      for (const { run, key, wrapped } of keys) yield* runStatement(text, [wrapped, run, key])
    })
  }
}

export const insertKey = ({ run, key, wrapped }: WrappedKey): Work<number> =>
  runStatement('insert into run_key (run, key, wrapped) values (?, ?, ?)', [run, key, wrapped])

/** Rows take their data keys with them to another run. */
export const shareKeys = (from: number, to: number): Work<number> => runStatement(SHARE, [to, from])

const SHARE = `insert into run_key (run, key, wrapped)
  select cast(? as bigint), key, wrapped from run_key where run = ? on conflict do nothing`

/** Deletes the data keys of a run: what remains of it in free pages cannot be decrypted. @returns the ids that no run has */
export function* deleteKeys(run: number): Work<number[]> {
  const gone: number[] = []
  for (const { key } of yield* all<{ key: number }>('delete from run_key where run = ? returning key', [run]))
    if ((yield* all('select 1 from run_key where key = ? limit 1', [key])).length === 0) gone.push(key)
  return gone
}
