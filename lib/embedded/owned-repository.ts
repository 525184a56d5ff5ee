import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Scope } from '../core/scope.ts'
import { openRepository } from '../repo/open.ts'
import type { Repository, RepositoryOptions } from '../repo/repository.ts'
import { OWNER_LOCK, tryLock } from '../repo/sqlite/exclusive-lock.ts'

/**
 * Opens a database that no other process uses meanwhile, not even a gateway: its folder is locked as a project is.
 * @throws Error that names the file and says why it cannot be used
 */
export async function openOwnedRepository(scope: Scope, options: RepositoryOptions): Promise<Repository> {
  scope.defer('database lock', lock(options.file))
  const repository = await openRepository(options)
  scope.defer('repository', () => repository.close())
  return repository
}

function lock(file: string): () => void {
  const dir = dirname(file)
  let unlock: (() => void) | undefined
  try {
    mkdirSync(dir, { recursive: true, mode: 0o750 })
    unlock = tryLock(join(dir, OWNER_LOCK))
  } catch (cause) {
    throw new Error(`${file}: the database cannot be locked: ${(cause as Error).message}`, { cause })
  }
  if (unlock) return unlock
  throw new Error(
    `${file}: another process, or another router of this one, uses a database in ${dir}; stop it, or name a database in a folder of its own`,
  )
}
