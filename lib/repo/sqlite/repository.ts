import { randomUUID } from 'node:crypto'
import type { Repository, RepositoryOptions } from '../repository.ts'
import { SqlRepository } from '../sql/repository.ts'
import { repositoryMetrics } from '../sql/repository-metrics.ts'
import type { Stores } from '../sql/stores.ts'
import { DatabaseFile } from './database/database-file.ts'
import { DatabaseConnection, storesOf } from './thread/connection.ts'

const WINDOW = 1000
const MAX_LOCK_WAIT_MS = 5000

/**
 * Opens a repository in one file, and brings its tables up to date. All of SQLite runs in a thread of its own.
 * @throws Error that names the file and says why it cannot be used
 */
export async function openSqliteRepository(options: RepositoryOptions): Promise<Repository> {
  const { file, window = WINDOW, maxLockWaitMs = MAX_LOCK_WAIT_MS, processes = alone() } = options
  const lost = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  const metrics = options.metrics && repositoryMetrics(options.metrics)
  const connection = new DatabaseConnection(options.log, metrics?.measure)
  try {
    await connection.open({ file, lost, window, maxLockWaitMs })
  } catch (error) {
    await metrics?.dispose()
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`The repository ${file} cannot be opened: ${reason}`, { cause: error })
  }
  const watched = new DatabaseFile(file, lost)
  watched.opened()
  return new SqlRepository({
    ...options,
    stores: storesOf<Stores>(connection),
    name: file,
    process: processes.own,
    ended: async (given) => given.filter((process) => process !== processes.own && !processes.isLive(process)),
    fault: () => connection.fault ?? watched.fault,
    close: async () => {
      await metrics?.dispose()
      await connection.close()
    },
  })
}

const alone = (): NonNullable<RepositoryOptions['processes']> => ({ own: randomUUID(), isLive: () => false })
