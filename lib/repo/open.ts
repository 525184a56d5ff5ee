import type { Repository, RepositoryOptions } from './repository.ts'
import { openSqliteRepository } from './sqlite/repository.ts'
import { DatabaseThread } from './sqlite/thread/thread.ts'

/** Starts what opening a repository needs and no configuration tells: it goes on while other things are read. */
export const prepareRepository = (): void => void DatabaseThread.current

/**
 * Opens the repository in `options.file` and brings its tables up to date.
 * @throws Error that names the file and says why it cannot be used
 */
export const openRepository = (options: RepositoryOptions): Promise<Repository> => openSqliteRepository(options)
