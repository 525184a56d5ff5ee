import { createStores, type Stores } from '../../sql/stores.ts'
import { DatabaseFile } from '../database/database-file.ts'
import { migrate } from '../database/migrations.ts'
import { createScratchTables } from '../database/scratch-tables.ts'
import { SqliteDatabase } from '../database/sqlite-database.ts'
import { SqliteFile } from '../database/sqlite-file.ts'
import { WriteQueue } from '../database/write-queue.ts'
import { explained } from '../objects/explained.ts'
import { installJsonFunctions } from '../objects/sqlite-json.ts'
import type { OpenOptions } from '../thread/protocol.ts'

export interface OpenDatabase {
  readonly stores: Stores
  close(): void
}

/** Once the database is open, the write queue waits for locks of other processes, and reads go on meanwhile. */
const BUSY_TIMEOUT_MS = 5

/** Opens the database and brings its tables up to date. @param notify writes a line to the log */
export async function openDatabase(
  { file: path, lost, window, maxLockWaitMs }: OpenOptions,
  notify: (line: string) => void,
): Promise<OpenDatabase> {
  const file = new SqliteFile(new DatabaseFile(path, lost), installJsonFunctions)
  try {
    await migrate(file)
    createScratchTables(file)
    file.run(`pragma busy_timeout = ${BUSY_TIMEOUT_MS}`)
  } catch (error) {
    file.close()
    throw error
  }
  const db = new SqliteDatabase(file, new WriteQueue(file, maxLockWaitMs))
  const stores = createStores(db, {
    window,
    onDamaged: (error) => notify(`The repository ${path}: ${error.message}`),
    examiner: async () => (await import('../objects/examination.ts')).examineInDatabase,
    explain: explained,
  })
  return { stores, close: () => file.close() }
}
