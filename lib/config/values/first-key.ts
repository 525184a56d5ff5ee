import { randomBytes } from 'node:crypto'
import { link, mkdir, open, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Logger } from '../../contract.ts'
import { singleFlight } from '../../core/single-flight.ts'
import { internalError } from '../../crest/errors.ts'
import { type ContentResolver, KEYS_FILE } from './content-resolver.ts'
import { generateKey } from './crypto/crypto.ts'
import type { KeySource } from './crypto/key-wrapper.ts'

/**
 * The current keys of a project. When a key is required and none is configured, creates the first one in
 * `security/crypto.keys`, as IDM creates its keystore at startup.
 *
 * @param security the folder `security/` of the project; created with the first key
 */
export function keySource(
  security: string,
  resolver: Pick<ContentResolver, 'keys' | 'refresh'>,
  log: Logger,
): KeySource {
  const file = join(security, KEYS_FILE)
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
    refresh: async () => {
      await resolver.refresh()
    },
    ensure: async () => {
      if (!resolver.keys()) await makeFirst().catch((cause: unknown) => Promise.reject(noKey(cause)))
      const keys = resolver.keys()
      if (keys) return keys
      throw noKey(undefined)
    },
  }
}

const noKey = (cause: unknown) =>
  internalError(
    `No key for values at rest is configured, and security/${KEYS_FILE} cannot be created: make security/ writable, or set IDM_CRYPTO_KEYS`,
    { cause },
  )

/**
 * Never replaces an existing file: values that another process encrypted with its key would be lost.
 * @returns false if the file already exists
 */
async function createKeyFile(file: string): Promise<boolean> {
  await mkdir(dirname(file), { recursive: true, mode: 0o750 })
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
