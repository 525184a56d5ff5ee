/** `security/truststore.pem` of a project, for the commands that change it; a running gateway takes changes up itself. */
import { chmod, mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { replaceFile } from '../config/files/atomic-write.ts'
import { stillHolds } from '../config/files/current-file.ts'
import { ValueSources } from '../config/values/substitution/value-sources.ts'
import { StartError, startError } from '../gateway/project/start-error.ts'
import { TrustStore } from '../trust/trust-store.ts'
import { trustStoreSettings } from '../trust/trust-store-settings.ts'

/** The trust store of a project, read, by the same settings as in a gateway. */
export async function openTrustStore(projectDir: string, env: NodeJS.ProcessEnv): Promise<TrustStore> {
  const sources = new ValueSources({ projectDir, env })
  await sources.load()
  const store = new TrustStore({ ...trustStoreSettings(sources, projectDir), systemRoots: false })
  await store.load()
  return store
}

/** The PEM bundle beside the store that keytool writes. */
export const bundleOf = ({ paths }: TrustStore): string => paths[1] ?? ''

/**
 * Replaces the bundle by what `edit` makes of its text, in one step.
 * @throws StartError when it cannot be read or written, or changed meanwhile
 */
export async function editBundle<T extends { readonly text: string }>(
  file: string,
  edit: (text: string) => T,
): Promise<T> {
  const before = await read(file)
  const edited = edit(before?.toString('utf8') ?? '')
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o750 })
    const isReplaced = await replaceFile(file, Buffer.from(edited.text), () => stillHolds(file, before))
    if (!isReplaced) throw new StartError(`${file}: somebody else changed it at the same time; try again`)
    // Nothing in it is secret, and the gateway may run as another user.
    if (!before) await chmod(file, 0o644)
  } catch (error) {
    throw startError(file, error)
  }
  return edited
}

async function read(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw startError(file, error)
  }
}
