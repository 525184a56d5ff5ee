import { randomBytes } from 'node:crypto'
import type { RepositoryKeys } from '../repository.ts'
import { first, run } from '../sql/statements/work.ts'
import type { PostgresDatabase } from './database.ts'

const NAME = 'keys'
const PLACE = 'repository/keys'
const BYTES = 16

/**
 * Makes sure that all who use a database have the same keys: the first one stores a random value, encrypted with its key,
 * and the others have to be able to decrypt it.
 */
export class KeyCheck {
  readonly #db: PostgresDatabase
  readonly #keys: RepositoryKeys | undefined

  constructor(db: PostgresDatabase, keys: RepositoryKeys | undefined) {
    this.#db = db
    this.#keys = keys
  }

  /** @throws Error without a subject: why the keys of this process cannot be used */
  async check(): Promise<void> {
    const keys = this.#keys
    if (!keys) return
    const stored = (await this.#stored()) ?? (await this.#store(keys))
    // Another process of this gateway may have created the first key since this one has read the keys.
    if (!keys.hasKey) await keys.refresh()
    try {
      keys.unwrap(stored, PLACE)
    } catch (error) {
      throw new Error(`what is stored ${(error as Error).message}. ${CURE}`, { cause: error })
    }
  }

  /** From now on the first key of this process counts. */
  async renew(): Promise<void> {
    if (!this.#keys) return
    const value = await this.#keys.wrap(randomBytes(BYTES), PLACE)
    const text = `insert into repository_secret (name, value) values (?, ?)
      on conflict (name) do update set value = excluded.value`
    await this.#db.write(() => run(text, [NAME, value]))
  }

  async #stored(): Promise<string | undefined> {
    const text = 'select value from repository_secret where name = ?'
    return (await this.#db.run(first<{ value: string }>(text, [NAME])))?.value
  }

  async #store(keys: RepositoryKeys): Promise<string> {
    const value = await keys.wrap(randomBytes(BYTES), PLACE)
    const text = 'insert into repository_secret (name, value) values (?, ?) on conflict do nothing'
    await this.#db.write(() => run(text, [NAME, value]))
    return (await this.#stored()) ?? value
  }
}

const CURE =
  'All gateways on a database need the same keys (security/crypto.keys). ' +
  'If the key is lost, "openidm-external-idm secret rotate" gives up what only it can read'
