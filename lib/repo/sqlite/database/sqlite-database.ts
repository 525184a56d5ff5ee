import type { Database, WriteOptions } from '../../sql/statements/database.ts'
import type { Given, Statement, Work } from '../../sql/statements/work.ts'
import { sqliteDialect } from './dialect.ts'
import type { Session } from './session.ts'
import type { WriteQueue } from './write-queue.ts'

/** Runs work at once: nothing comes between two statements of one. */
export class SqliteDatabase implements Database {
  readonly dialect = sqliteDialect
  readonly epoch = 0
  readonly #session: Session
  readonly #writes: WriteQueue

  constructor(session: Session, writes: WriteQueue) {
    this.#session = session
    this.#writes = writes
  }

  async run<T>(work: Work<T>): Promise<T> {
    return drive(this.#session, work)
  }

  /** One after the other, so that locks are not needed. */
  write<T>(work: () => Work<T>, options?: WriteOptions): Promise<T> {
    return this.#writes.run((session) => drive(session, work()), options)
  }
}

/** Runs the statements of work one after the other. */
export function drive<T>(session: Session, work: Work<T>): T {
  let step = work.next()
  while (!step.done) step = work.next(given(session, step.value))
  return step.value
}

const given = (session: Session, { text, parameters, wants }: Statement): Given =>
  wants === 'rows' ? session.all(text, parameters) : session.run(text, parameters)
