import { join } from 'node:path'
import type { Logger } from '../../lib/contract.ts'
import { openRepository, type Repository } from '../../lib/repo/repository.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDir } from '../helpers/files.ts'

export const silent: Logger = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }

/** Opens a repository in a file of its own, or in `file`; closed with its owner. */
export async function tempRepository(file?: string): Promise<Repository> {
  const repository = await openRepository({ file: file ?? join(await tempDir(), 'db', 'repo.db'), log: silent })
  onCleanUp(() => repository.close())
  return repository
}
