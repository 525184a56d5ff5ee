import { join } from 'node:path'
import { generateKey, parseKeys } from '../../lib/config/values/crypto/crypto.ts'
import { fixedKeys, KeyWrapper } from '../../lib/config/values/crypto/key-wrapper.ts'
import type { Logger } from '../../lib/contract.ts'
import { openRepository } from '../../lib/repo/open.ts'
import type { Repository, RepositoryOptions } from '../../lib/repo/repository.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDir } from '../helpers/files.ts'

export const silent: Logger = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }

/** Keys of which the first encrypts. */
export function keysOf(...lines: readonly string[]): KeyWrapper {
  const ring = parseKeys(lines.join(','), 'test')
  return new KeyWrapper(fixedKeys(ring))
}

export const KEYS = keysOf(generateKey('test'))

/** Opens a repository that is closed with its owner. */
export type OpenRepository = (options?: Partial<RepositoryOptions>) => Promise<Repository>

/** Opens a repository, in a file of its own unless one is given; closed with its owner. */
export async function tempRepository(options: Partial<RepositoryOptions> = {}): Promise<Repository> {
  const file = options.file ?? join(await tempDir(), 'db', 'repo.db')
  const repository = await openRepository({ log: silent, keys: KEYS, ...options, file })
  onCleanUp(() => repository.close())
  return repository
}
