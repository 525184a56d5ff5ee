/** `security/truststore.pem` of a project. A running gateway reloads it when it changes. */
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { relative, resolve } from 'node:path'
import { ValueSources } from '../config/values/substitution/value-sources.ts'
import { StartError, startError } from '../gateway/project/start-error.ts'
import { describeCertificate, nameOf } from '../trust/certificate.ts'
import { readPem } from '../trust/certificate-pem.ts'
import { BundleChanged, bundleOf, editBundleFile } from '../trust/trust-bundle-file.ts'
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

/**
 * Replaces the bundle atomically by what `edit` returns for its text.
 * @throws StartError when it cannot be read or written, or was changed meanwhile
 */
export async function editBundle<T extends { readonly text: string }>(
  file: string,
  edit: (text: string) => T,
): Promise<T> {
  try {
    return await editBundleFile(file, edit)
  } catch (error) {
    if (error instanceof BundleChanged) throw new StartError(error.message)
    // What `edit` says is for a person already.
    throw error instanceof TypeError ? error : startError(file, error)
  }
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
