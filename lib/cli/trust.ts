/** `security/truststore.pem` of a project. A running gateway reloads it when it changes. */
import { X509Certificate } from 'node:crypto'
import { chmod, mkdir, readFile } from 'node:fs/promises'
import { dirname, relative, resolve } from 'node:path'
import { replaceFile } from '../config/files/atomic-write.ts'
import { stillHolds } from '../config/files/current-file.ts'
import { ValueSources } from '../config/values/substitution/value-sources.ts'
import { StartError, startError } from '../gateway/project/start-error.ts'
import { describeCertificate, nameOf } from '../trust/certificate.ts'
import { readPem } from '../trust/certificate-pem.ts'
import { TrustStore } from '../trust/trust-store.ts'
import { addToBundle, removeFromBundle } from '../trust/trust-store-bundle.ts'
import { trustStoreSettings } from '../trust/trust-store-settings.ts'
import { type CommandIo, type ProjectOptions, projectDirOf } from './command.ts'
import { columnsOf } from './output.ts'
import { table } from './text.ts'

/** Lists the certificates. Exit status 1: a store cannot be read. */
export async function trustList(options: ProjectOptions, io: CommandIo): Promise<number> {
  const store = await openTrustStore(options, io)
  const rows = store.certificates().map(({ alias, pem, file }) => {
    const description = describeCertificate(new X509Certificate(pem))
    return [nameOf(alias), `${description}  (${relative(io.cwd, file)})`]
  })
  const none = 'There are no certificates besides those of the system.\n'
  io.stdout.write(rows.length > 0 ? table(rows, { width: columnsOf(io.stdout) }) : none)
  if (store.lastError) io.stderr.write(`${store.lastError.message}\n`)
  return store.lastError ? 1 : 0
}

export async function trustAdd(alias: string, path: string, options: ProjectOptions, io: CommandIo): Promise<number> {
  const file = bundleOf(await openTrustStore(options, io))
  const certificate = await readCertificate(resolve(io.cwd, path))
  await editBundle(file, (text) => ({ text: addToBundle(text, alias, certificate) }))
  io.stdout.write(`Trusted from now on, as ${alias} in ${file}:\n${describeCertificate(certificate)}\n`)
  return 0
}

export async function trustRemove(alias: string, options: ProjectOptions, io: CommandIo): Promise<number> {
  const store = await openTrustStore(options, io)
  const bundle = bundleOf(store)
  const elsewhere = store.certificates().find((entry) => entry.alias === alias && entry.file !== bundle)
  const { removed } = await editBundle(bundle, (text) => {
    const edited = removeFromBundle(text, alias)
    if (edited.removed === 0) throw new StartError(absent(alias, bundle, elsewhere?.file))
    return edited
  })
  io.stdout.write(`No longer trusted: ${alias}${removed > 1 ? ` (${removed} certificates)` : ''}\n`)
  return 0
}

function absent(alias: string, bundle: string, elsewhere: string | undefined): string {
  const cure =
    elsewhere === undefined
      ? '"trust list" shows what there is'
      : `it is in ${elsewhere}: keytool -delete -alias ${alias} -keystore ${elsewhere}`
  return `there is no ${JSON.stringify(alias)} in ${bundle}; ${cure}`
}

const openTrustStore = async (options: ProjectOptions, { cwd, env }: CommandIo): Promise<TrustStore> =>
  loadTrustStore(await projectDirOf(options, cwd), env)

/** The trust store of a project, loaded with the same settings as in a gateway. */
export async function loadTrustStore(projectDir: string, env: NodeJS.ProcessEnv): Promise<TrustStore> {
  const sources = new ValueSources({ projectDir, env })
  await sources.load()
  const store = new TrustStore(trustStoreSettings(sources, projectDir))
  await store.load()
  return store
}

/** The PEM bundle beside the store that keytool writes. */
export const bundleOf = ({ paths }: TrustStore): string => paths[1] ?? ''

/**
 * Replaces the bundle atomically by what `edit` returns for its text.
 * @throws StartError when it cannot be read or written, or was changed meanwhile
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
    if (!isReplaced) throw new StartError(`${file}: was changed at the same time; try again`)
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

async function readCertificate(file: string): Promise<X509Certificate> {
  const bytes = await read(file)
  if (!bytes) throw new StartError(`${file}: does not exist`)
  if (!bytes.includes('-----BEGIN ')) return parseDer(file, bytes)
  const [first, ...others] = readPem(bytes.toString('utf8'), file)
  if (!first) throw new StartError(`${file}: holds no certificate`)
  if (others.length > 0)
    throw new StartError(
      `${file}: holds ${others.length + 1} certificates; put the one to be trusted into a file of its own`,
    )
  return first.certificate
}

function parseDer(file: string, bytes: Buffer): X509Certificate {
  try {
    return new X509Certificate(bytes)
  } catch {
    throw new StartError(`${file}: is not a certificate (PEM or DER)`)
  }
}
