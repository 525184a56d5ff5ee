import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { readFileBounded } from '../config/files/file-read.ts'
import { PathWatcher } from '../config/files/path-watcher.ts'
import { PermissionCheck } from '../config/values/secret-permissions.ts'
import type { Disposable, Logger } from '../contract.ts'
import type { Secret } from '../core/secret.ts'
import { type ClientCertificate, readClientCertificate } from './keystore-client.ts'
import { unreadableFile } from './keystore-error.ts'

/** Where the client certificate of an instance is: `clientCertificate` of its properties. */
export interface ClientCertificateSource {
  /** PEM with key, PKCS12 or JKS; relative to the project. */
  readonly file: string
  readonly password?: Secret | undefined
  readonly alias?: string | undefined
}

/** The default of keytool, and so of IDM. */
const DEFAULT_PASSWORD = 'changeit'

/** Reads client certificates, and reports when a file that was read may have changed. */
export class ClientCertificates implements Disposable {
  readonly #projectDir: string
  readonly #permissions: PermissionCheck
  readonly #watcher: PathWatcher
  readonly #files = new Set<string>()
  /** Cached by source, because opening a keystore takes time. */
  readonly #read = new Map<string, { readonly digest: string; readonly certificate: ClientCertificate }>()

  constructor(projectDir: string, log: Logger, onChange: () => void) {
    this.#projectDir = projectDir
    this.#permissions = new PermissionCheck(log)
    this.#watcher = new PathWatcher(onChange)
  }

  /**
   * Reads the certificate; returns the same object as long as nothing has changed.
   * @throws KeystoreError with a sentence that names the file
   */
  async read({ file: name, password, alias }: ClientCertificateSource): Promise<ClientCertificate> {
    const file = resolve(this.#projectDir, name)
    this.#watcher.follow([...this.#files.add(file)])
    this.#permissions.check(file)
    const bytes = bytesOf(file)
    const digest = createHash('sha256')
      .update(bytes)
      .update(password?.reveal() ?? '')
      .digest('base64')
    const key = JSON.stringify([file, alias])
    const before = this.#read.get(key)
    if (before?.digest === digest) return before.certificate
    const certificate = await readClientCertificate({ file, bytes, password: password ?? DEFAULT_PASSWORD, alias })
    this.#read.set(key, { digest, certificate })
    return certificate
  }

  dispose(): void {
    this.#watcher.dispose()
  }
}

function bytesOf(file: string): Buffer {
  try {
    return readFileBounded(file).bytes
  } catch (error) {
    throw unreadableFile(file, error)
  }
}
