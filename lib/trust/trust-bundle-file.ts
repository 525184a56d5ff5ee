/** `security/truststore.pem`, the PEM bundle beside the store that keytool writes. A running gateway reloads it. */
import { chmod, mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { replaceFile } from '../config/files/atomic-write.ts'
import { stillHolds } from '../config/files/current-file.ts'
import type { TrustStore } from './trust-store.ts'

export const bundleOf = ({ paths }: Pick<TrustStore, 'paths'>): string => paths[1] ?? ''

/** The bundle was changed by another process at the same time. */
export class BundleChanged extends Error {
  constructor(file: string) {
    super(`${file}: was changed at the same time; try again`)
  }
}

/**
 * Replaces the bundle atomically by what `edit` returns for its text; empty for a new one.
 * @throws BundleChanged; the error of `edit`; the error of the file system
 */
export async function editBundleFile<T extends { readonly text: string }>(
  file: string,
  edit: (text: string) => T,
): Promise<T> {
  const before = await read(file)
  const edited = edit(before?.toString('utf8') ?? '')
  await mkdir(dirname(file), { recursive: true, mode: 0o750 })
  if (!(await replaceFile(file, Buffer.from(edited.text), () => stillHolds(file, before))))
    throw new BundleChanged(file)
  // Nothing in it is secret, and the gateway may run as another user.
  if (!before) await chmod(file, 0o644)
  return edited
}

async function read(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
