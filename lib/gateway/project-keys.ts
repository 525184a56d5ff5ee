import { randomBytes } from 'node:crypto'
import { link, open, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { type ContentResolver, KEYS_FILE } from '../config/values/content-resolver.ts'
import { generateKey, type KeyRing, readKeys } from '../config/values/crypto/crypto.ts'
import type { Logger } from '../contract.ts'
import { commandLine } from '../core/command-line.ts'
import { singleFlight } from '../core/single-flight.ts'
import { internalError } from '../crest/errors.ts'
import type { ManagedKeys } from './managed/private-values.ts'
import type { Project } from './project/project.ts'
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

/**
 * The current keys of a running gateway. When a key is required and none is configured, creates the first one in
 * `security/crypto.keys`, as IDM creates its keystore at startup.
 */
export function gatewayKeys(project: Project, resolver: ContentResolver, log: Logger): ManagedKeys {
  const file = join(project.security, KEYS_FILE)
  const makeFirst = singleFlight(async () => {
    if (await createKeyFile(file))
      log.warn(
        { file },
        'created the first key for values at rest; back it up: values encrypted with it cannot be decrypted without it',
      )
    await resolver.refresh()
  })
  return {
    current: () => resolver.keys(),
    ensure: async () => {
      if (!resolver.keys()) await makeFirst().catch((cause: unknown) => Promise.reject(noKey(cause)))
      const keys = resolver.keys()
      if (keys) return keys
      throw noKey(undefined)
    },
  }
}

const noKey = (cause: unknown) =>
  internalError(`No key for values at rest is configured, and none could be created in security/${KEYS_FILE}`, {
    cause,
  })

/**
 * Never replaces an existing file: values that another process encrypted with its key would be lost.
 * @returns false if the file already exists
 */
async function createKeyFile(file: string): Promise<boolean> {
  const draft = `${file}.${randomBytes(8).toString('hex')}.draft`
  const handle = await open(draft, 'wx', 0o600)
  try {
    await handle.writeFile(`${generateKey()}\n`)
    await handle.sync()
    await link(draft, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await handle.close()
    await unlink(draft)
  }
}
