import { join } from 'node:path'
import { KEYS_FILE } from '../config/content-resolver.ts'
import { type KeyRing, readKeys } from '../config/crypto.ts'
import { StartError } from './start-error.ts'

/**
 * The keys that a gateway on this project would use.
 * @throws StartError when there are none
 */
export function projectKeys(projectDir: string, env: NodeJS.ProcessEnv): KeyRing {
  const file = join(projectDir, 'security', KEYS_FILE)
  const keys = readKeys({ env, file })
  if (keys) return keys
  throw new StartError(
    `there is no key: put what "openidm-external-idm secret generate-key" prints into ${file}, ` +
      'or name a file in IDM_CRYPTO_KEYS_FILE',
  )
}
