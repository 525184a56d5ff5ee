import { sql } from './kysely.ts'
import type { Database, Session } from './tables.ts'

/**
 * A transaction whose commit does not wait for the disk: it outlives the end of the process as any other, a power cut
 * takes it back unless a commit that waits has followed, and the file is whole in each case (in WAL mode). For what can
 * be found again, since waiting stops all of the process.
 */
export const unhurried = <T>(database: Database, work: (session: Session) => Promise<T>): Promise<T> =>
  database.connection().execute(async (connection) => {
    await sql`pragma synchronous = normal`.execute(connection)
    try {
      return await connection.transaction().execute(work)
    } finally {
      await sql`pragma synchronous = full`.execute(connection)
    }
  })
