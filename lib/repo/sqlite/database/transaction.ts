import type { Session } from './session.ts'
import type { SqliteFile } from './sqlite-file.ts'

/** Does `work` in a transaction. It is a writer at once: one that becomes a writer later may find that it cannot. */
export function transaction<T>(file: SqliteFile, work: (session: Session) => T): T {
  file.run('begin immediate')
  try {
    const result = work(file)
    file.run('commit')
    return result
  } catch (error) {
    if (file.isInTransaction) file.run('rollback')
    throw error
  }
}
