import { dirname } from 'node:path'
// Not by its name, which an older Node lacks: it would fail before it can be told why.
import tls, { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import type { Disposable, Logger } from '../contract.ts'
import { Scope } from '../core/scope.ts'
import type { Secret } from '../core/secret.ts'
import { SerialQueue } from '../core/serial-queue.ts'
import { KeystoreError, missingStore } from './keystore-error.ts'
import { readTrustFile, type TrustedCertificate, type TrustFile, trustFilesAt } from './trust-store-file.ts'

export type { TrustedCertificate } from './trust-store-file.ts'

/** The default of keytool, and so of IDM. */
const DEFAULT_PASSWORD = 'changeit'

export interface TrustStoreOptions {
  /** `security/truststore`: a PKCS12 or JKS keystore, PEM text, or a directory of PEM files. `PATH.pem` is read, too. */
  readonly path: string
  /** Of the keystore; `changeit` by default. A function is called at each read, and may throw a sentence. */
  readonly password?: string | Secret | (() => string | Secret | undefined) | undefined
  /** Whether the root certificates of Node are trusted, too. */
  readonly systemRoots: boolean
  readonly log?: Logger | undefined
  /** Calls the listener after each change of the path, which may not exist yet. Without it nothing is watched. */
  readonly watch?: ((path: string, listener: () => void) => Disposable) | undefined
}

/** TLS options that differ between instances. */
export type OwnTls = Pick<SecureContextOptions, 'minVersion' | 'maxVersion' | 'cert' | 'key'>

/**
 * The certificates that make a remote trusted: those in the files, and the system's roots. A file that becomes unusable
 * or disappears keeps its last good certificates, and `lastError` says why; an empty file has none.
 *
 * As in Java, each certificate in the store is a trust anchor, also one that is not an authority: hence
 * `allowPartialTrustChain`. After a change of trust, connections need a new agent: an old one resumes TLS sessions
 * without verifying the certificate again.
 */
export class TrustStore {
  readonly #options: TrustStoreOptions
  readonly #listeners = new Set<() => void>()
  #watching: Scope | undefined
  #files: ReadonlyMap<string, TrustFile> = new Map()
  #certificates: readonly TrustedCertificate[] = []
  #lastError: KeystoreError | undefined
  #ca: string[] | undefined
  #contexts = new Map<string, SecureContext>()
  readonly #reloads = new SerialQueue()

  constructor(options: TrustStoreOptions) {
    this.#options = options
  }

  /** The paths that are read and watched. */
  get paths(): readonly string[] {
    return [this.#options.path, `${this.#options.path}.pem`]
  }

  /** Why a file could not be used at the last read; undefined if all could. */
  get lastError(): KeystoreError | undefined {
    return this.#lastError
  }

  /** Reads the files. Never rejects: see `lastError`. */
  load(): Promise<void> {
    return this.reload()
  }

  /** Reads the files again and applies changes. Calls run one after another. */
  reload(): Promise<void> {
    return this.#reloads.add(() => this.#read())
  }

  /** Loads, and watches for changes until `close`. */
  async start(): Promise<void> {
    const { watch, log } = this.#options
    if (watch && !this.#watching) {
      this.#watching = new Scope(log)
      for (const path of this.paths)
        this.#watching.own(
          `watch ${path}`,
          watch(path, () => void this.reload()),
        )
    }
    await this.load()
  }

  /** Stops watching; the certificates stay in force. Idempotent. */
  async close(): Promise<void> {
    const watching = this.#watching
    this.#watching = undefined
    await watching?.dispose()
    await this.#reloads.idle()
  }

  /** The certificates in the files, without the system's roots. */
  certificates(): readonly TrustedCertificate[] {
    return this.#certificates
  }

  /** For `tls.createSecureContext`: undefined = Node's default. The same array until the next change. */
  ca(): string[] | undefined {
    if (this.#certificates.length === 0 && this.#options.systemRoots) return undefined
    const roots = this.#options.systemRoots ? tls.getCACertificates('default') : []
    this.#ca ??= [...roots, ...this.#certificates.map(({ pem }) => pem)]
    return this.#ca
  }

  /**
   * A TLS context with this trust. Creating one parses all roots (30 ms), so it is cached until the next change, except
   * with a client certificate: then the caller caches it.
   */
  secureContext(own: OwnTls = {}): SecureContext {
    const make = () => createSecureContext({ ...own, ca: this.ca(), allowPartialTrustChain: true })
    if (own.cert !== undefined || own.key !== undefined) return make()
    const key = `${own.minVersion} ${own.maxVersion}`
    const context = this.#contexts.get(key) ?? make()
    this.#contexts.set(key, context)
    return context
  }

  /** Calls the listener after each change of the certificates. */
  onChange(listener: () => void): Disposable {
    const entry = () => listener()
    this.#listeners.add(entry)
    return { dispose: () => void this.#listeners.delete(entry) }
  }

  async #read(): Promise<void> {
    const errors: KeystoreError[] = []
    const password = this.#password(errors)
    const files = new Map<string, TrustFile>()
    for (const path of this.paths) {
      for (const file of await this.#filesAt(path, errors)) {
        const read = await readTrustFile(file, password, this.#files.get(file))
        const kept = read ?? this.#files.get(file)
        if (kept) files.set(file, kept)
        if (kept && !read) errors.push(missingStore(file))
        if (read?.error) errors.push(read.error)
      }
    }
    this.#files = files
    this.#report(errors[0])
    this.#replace(unique([...files.values()].flatMap(({ certificates }) => certificates)))
  }

  #password(errors: KeystoreError[]): string | Secret {
    const { password, path } = this.#options
    try {
      return (typeof password === 'function' ? password() : password) ?? DEFAULT_PASSWORD
    } catch (error) {
      errors.push(new KeystoreError('password', path, `its password: ${(error as Error).message}`))
      return DEFAULT_PASSWORD
    }
  }

  async #filesAt(path: string, errors: KeystoreError[]): Promise<string[]> {
    try {
      const files = await trustFilesAt(path)
      if (files) return files
    } catch (error) {
      errors.push(error as KeystoreError)
    }
    // The files of the last read, also in a directory that is gone.
    return [...this.#files.keys()].filter((file) => file === path || dirname(file) === path)
  }

  #report(error: KeystoreError | undefined): void {
    if (error && error.message !== this.#lastError?.message)
      this.#options.log?.warn({ file: error.file, fault: error.fault }, `trust store: ${error.message}`)
    this.#lastError = error
  }

  #replace(certificates: readonly TrustedCertificate[]): void {
    if (fingerprints(certificates) === fingerprints(this.#certificates)) return
    this.#certificates = certificates
    this.#ca = undefined
    this.#contexts = new Map()
    this.#options.log?.info({ path: this.#options.path, certificates: certificates.length }, 'trust store: reloaded')
    for (const listener of [...this.#listeners]) this.#call(listener)
  }

  #call(listener: () => void): void {
    try {
      listener()
    } catch (error) {
      this.#options.log?.error({ err: error }, 'trust store: a listener failed')
    }
  }
}

const fingerprints = (certificates: readonly TrustedCertificate[]): string =>
  certificates.map(({ fingerprint256, alias }) => `${alias} ${fingerprint256}`).join('\n')

function unique(certificates: readonly TrustedCertificate[]): TrustedCertificate[] {
  const byFingerprint = new Map<string, TrustedCertificate>()
  for (const entry of certificates)
    if (!byFingerprint.has(entry.fingerprint256)) byFingerprint.set(entry.fingerprint256, entry)
  return [...byFingerprint.values()]
}
