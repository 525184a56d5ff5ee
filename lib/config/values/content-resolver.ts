import { basename, join } from 'node:path'
import type { Disposable, JsonObject, Logger } from '../../contract.ts'
import { getAt } from '../../crest/pointer.ts'
import { objectIdOfFile, pidOf } from '../files/naming.ts'
import { PathWatcher } from '../files/path-watcher.ts'
import { ScanQueue } from '../files/scan-queue.ts'
import { isEncrypted, isHashed, KeyRing, readKeys } from './crypto/crypto.ts'
import { LOCAL_KEY_FILE, LocalKey } from './local-key.ts'
import { isReference } from './mask.ts'
import { resolveContent } from './secret-content.ts'
import { filesIn, PermissionCheck } from './secret-permissions.ts'
import { addressesOf, type FieldsOf, placeIn, rulesFor } from './secret-place.ts'
import type { KeystoreReader } from './secret-stores/kinds.ts'
import { SecretStores } from './secret-stores/secret-stores.ts'
import { ValueSources } from './substitution/value-sources.ts'

/** In the project's `security/`, unless the environment names keys. */
export const KEYS_FILE = 'crypto.keys'

export interface ContentResolverOptions {
  readonly projectDir: string
  readonly confDir: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Logger
  /** For secret stores that are key stores. */
  readonly readKeystore: KeystoreReader
  /** The fields (JSON pointers) of a factory's objects, or of an object that exists once, that hold secrets. */
  readonly secretFields: FieldsOf
  /** Those that say where the secrets are sent. */
  readonly addressFields?: FieldsOf | undefined
}

/**
 * Everything that the content of a configuration object can refer to (expressions, purposes, encrypted values), read
 * and watched as one. Nothing in it fails as a whole: an object that refers to what is not there is told.
 */
export class ContentResolver implements Disposable {
  readonly sources: ValueSources
  readonly #options: ContentResolverOptions
  readonly #stores: SecretStores
  readonly #keysFile: string
  readonly #localKey: LocalKey
  readonly #permissions: PermissionCheck
  readonly #watcher: PathWatcher
  readonly #queue = new ScanQueue(() => this.#load())
  readonly #listeners = new Set<() => void>()
  #keys: () => KeyRing | undefined = () => undefined
  #closed = false

  constructor(options: ContentResolverOptions) {
    const { projectDir, confDir, env, log, readKeystore } = options
    this.#options = options
    this.sources = new ValueSources({ projectDir, confDir, env })
    this.#stores = new SecretStores({
      projectDir,
      sources: this.sources,
      readKeystore,
      file: join(confDir, 'secrets.json'),
    })
    this.#keysFile = env.IDM_CRYPTO_KEYS_FILE || join(projectDir, 'security', KEYS_FILE)
    this.#localKey = new LocalKey(join(projectDir, 'security', LOCAL_KEY_FILE), log)
    this.#permissions = new PermissionCheck(log)
    this.#watcher = new PathWatcher(() => void this.#queue.request(true))
  }

  /** Reads everything, and follows its changes from now on. */
  start(): Promise<void> {
    return this.refresh()
  }

  /** Looks at everything now; resolves when changes are known. */
  refresh(): Promise<void> {
    return this.#queue.request(true)
  }

  /**
   * What the owner of an object gets of its content.
   * @throws Error with a sentence that names place, token and where it was looked for
   */
  readonly resolve = (content: JsonObject, file: string): JsonObject => {
    const { secretFields, addressFields } = this.#options
    const id = objectIdOfFile(basename(file))?.id ?? ''
    const rules = rulesFor(pidOf(id), secretFields, addressFields)
    const secrets = rules.secretFields.map((field) => getAt(content, field) ?? null)
    // A file with a secret in clear text is worth a look at who may read it.
    if (secrets.some((value) => !isReference(value) && !isEncrypted(value) && !isHashed(value)))
      this.#permissions.check(file)
    const placeOf = placeIn(id, addressesOf(content, rules))
    try {
      // Keys are asked for only by what is encrypted: faulty ones concern nothing else.
      const keys = () => withLocal(this.#keys(), this.#localKey)
      return resolveContent(content, file, { sources: this.sources, purposes: this.#stores, keys, placeOf })
    } catch (error) {
      // Whoever shows it names the file.
      throw new Error((error as Error).message.replace(`${file}:`, '').trimStart())
    }
  }

  /**
   * The keys for values at rest; undefined when there are none.
   * @throws Error with a sentence when they cannot be read
   */
  keys(): KeyRing | undefined {
    return this.#keys()
  }

  /** The keys that seal, and open, what is shown over REST. */
  shownKeys(): KeyRing {
    const keys = this.#usableKeys()
    return keys?.first?.key.symmetricKeySize === 32
      ? keys.with(this.#localKey.known ?? NO_KEYS)
      : this.#localKey.ring.with(keys ?? NO_KEYS)
  }

  #usableKeys(): KeyRing | undefined {
    try {
      return this.#keys()
    } catch {
      return undefined
    }
  }

  /** Calls the listener after each change of anything that content may refer to. */
  onChange(listener: () => void): Disposable {
    const entry = () => listener()
    this.#listeners.add(entry)
    return { dispose: () => void this.#listeners.delete(entry) }
  }

  async dispose(): Promise<void> {
    this.#closed = true
    this.#watcher.dispose()
    await this.#queue.idle()
  }

  async #load(): Promise<void> {
    await this.sources.load()
    await this.#stores.load()
    this.#keys = this.#readKeys()
    if (this.#closed) return
    this.#watcher.follow([...this.sources.files(), ...this.#stores.files(), this.#keysFile])
    const secretPaths = [...this.sources.secretDirectories(), ...this.#stores.secretPaths(), this.#keysFile]
    for (const file of secretPaths.flatMap(filesIn)) this.#permissions.check(file)
    for (const listener of [...this.#listeners]) listener()
  }

  /** Keys that cannot be read are a fault of what needs them. */
  #readKeys(): () => KeyRing | undefined {
    try {
      const keys = readKeys({ env: this.#options.env, file: this.#keysFile })
      return () => keys
    } catch (error) {
      return () => {
        throw error
      }
    }
  }
}

const NO_KEYS = new KeyRing([])

/** What was shown over REST opens too when it is put into its file by hand. */
const withLocal = (keys: KeyRing | undefined, local: LocalKey): KeyRing | undefined =>
  keys ? keys.with(local.known ?? NO_KEYS) : local.known
