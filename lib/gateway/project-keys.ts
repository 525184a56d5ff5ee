import { join } from 'node:path'
import { KEYS_FILE } from '../config/values/content-resolver.ts'
import { type KeyRing, readKeys } from '../config/values/crypto/crypto.ts'
import { commandLine } from '../core/command-line.ts'
import { StartError } from './project/start-error.ts'

/**
 * The keys of a gateway that runs on this project.
 * @throws StartError when no key is configured
 */
export function projectKeys(projectDir: string, env: NodeJS.ProcessEnv): KeyRing {
  const file = join(projectDir, 'security', KEYS_FILE)
  const keys = readKeys({ env, file })
  if (keys) return keys
  throw new StartError(
    `no key is configured: put the output of "${commandLine()} secret generate-key" into ${file}, ` +
      'or name a file in IDM_CRYPTO_KEYS_FILE',
  )
}
