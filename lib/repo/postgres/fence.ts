import type { Fence } from '../repository.ts'
import type { Database, Lock, WriteOptions } from '../sql/statements/database.ts'
import type { Dialect } from '../sql/statements/dialect.ts'
import type { Given, Statement, Work } from '../sql/statements/work.ts'
import { isQuery, type PostgresDatabase } from './database.ts'

/** Shared by the writes of the leader; who takes the lease has it alone. Unlike a row, a lock has a fair queue. */
export const LEADER_LOCK: Lock = { name: 'leader' }

/**
 * The database as the leader has it: what is under way waits for a server that is away as long as the process leads, so that
 * an outage that it survives interrupts no run. Each transaction checks that no other process has become the leader. Statements
 * beside transactions concern tables of runs that end with the process: the clock of this process decides for them.
 */
export class FencedDatabase implements Database {
  readonly #db: PostgresDatabase
  readonly #fence: Fence

  constructor(db: PostgresDatabase, fence: Fence) {
    this.#db = db
    this.#fence = fence
  }

  get dialect(): Dialect {
    return this.#db.dialect
  }

  get epoch(): number {
    return this.#db.epoch
  }

  async run<T>(work: Work<T>): Promise<T> {
    let step = work.next()
    while (!step.done) {
      if (!isQuery(step.value)) this.#fence.assertHeld()
      step = work.next(await this.#db.run(one(step.value), this.#fence))
    }
    return step.value
  }

  write<T>(work: () => Work<T>, { locks = [], ...options }: WriteOptions = {}): Promise<T> {
    const fenced = { ...options, locks: [...locks, { ...LEADER_LOCK, isShared: true }], fence: this.#fence }
    return this.#db.write(work, fenced)
  }
}

function* one(statement: Statement): Work<Given> {
  return yield statement
}
