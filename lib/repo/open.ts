import type { Repository, RepositoryOptions, ServerRepositoryOptions } from './repository.ts'
import { openSqliteRepository } from './sqlite/repository.ts'
import { DatabaseThread } from './sqlite/thread/thread.ts'

/** Starts what opening a repository needs and no configuration tells: it goes on while other things are read. */
export const prepareRepository = (): void => void DatabaseThread.current

/**
 * Opens the repository in `options.file` and brings its tables up to date, or the one on a server, whose tables have to be
 * those of this release.
 * @throws Error that names the file or the server and says why it cannot be used
 */
export const openRepository = async (options: RepositoryOptions | ServerRepositoryOptions): Promise<Repository> =>
  'url' in options
    ? (await import('./postgres/repository.ts')).openPostgresRepository(options)
    : openSqliteRepository(options)
