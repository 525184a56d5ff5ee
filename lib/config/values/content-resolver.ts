import { basename, join } from 'node:path'
import type { Disposable, JsonObject, Logger } from '../../contract.ts'
import { getAt, parsePointer } from '../../crest/pointer.ts'
import { CoalescingQueue } from '../files/coalescing-queue.ts'
import { objectIdOfFile, pidOf } from '../files/naming.ts'
import { PathWatcher } from '../files/path-watcher.ts'
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
  /** Opens secret stores that are keystores. */
  readonly readKeystore: KeystoreReader
  /** JSON pointers to the secrets in objects of a pid. */
  readonly secretFields: FieldsOf
  /** JSON pointers to the addresses that the secrets are sent to. */
  readonly addressFields?: FieldsOf | undefined
  /** JSON pointers to what must have a value; elsewhere null stands for what has none. Default: all must. */
  readonly requiredFields?: (pid: string) => readonly string[] | undefined
}

/**
 * Resolves expressions, purposes and encrypted values in configuration objects; reads and watches their sources. A
 * broken source fails only the objects that refer to it.
 */
export class ContentResolver implements Disposable {
  readonly sources: ValueSources
  readonly #options: ContentResolverOptions
  readonly #stores: SecretStores
  readonly #keysFile: string
  readonly #localKey: LocalKey
  readonly #permissions: PermissionCheck
  readonly #watcher: PathWatcher
  readonly #queue = new CoalescingQueue(() => this.#load())
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

  /** Reads all sources and watches them. */
  start(): Promise<void> {
    return this.refresh()
  }

  /** Reads all sources again; resolves when listeners have been called. */
  refresh(): Promise<void> {
    return this.#queue.request(true)
  }

  /**
   * The content of an object as its consumer gets it.
   * @throws Error that names the property, the token and the sources that were searched
   */
  readonly resolve = (content: JsonObject, file: string): JsonObject => {
    const { secretFields, addressFields } = this.#options
    const id = objectIdOfFile(basename(file))?.id ?? ''
    const rules = rulesFor(pidOf(id), secretFields, addressFields)
    const secrets = rules.secretFields.map((field) => getAt(content, field) ?? null)
    // Other users must not read a file with a secret in clear text.
    if (secrets.some((value) => !isReference(value) && !isEncrypted(value) && !isHashed(value)))
      this.#permissions.check(file)
    const placeOf = placeIn(id, addressesOf(content, rules))
    try {
      // Lazy: broken keys fail only objects with encrypted values.
      const keys = () => withLocal(this.#keys(), this.#localKey)
      const required = this.#options.requiredFields?.(pidOf(id))?.map(parsePointer)
      const isOptional = (path: readonly string[]) =>
        required?.every((field) => field.some((name, at) => name !== path[at])) === true
      return resolveContent(content, file, { sources: this.sources, purposes: this.#stores, keys, placeOf, isOptional })
    } catch (error) {
      // The caller adds the file name.
      throw new Error((error as Error).message.replace(`${file}:`, '').trimStart())
    }
  }

  /**
   * The keys for values at rest; undefined when there are none.
   * @throws Error when they cannot be read
   */
  keys(): KeyRing | undefined {
    return this.#keys()
  }

  /** The keys for secrets shown over REST: the first encrypts, all decrypt. */
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

  /** Calls the listener after each change of a source. */
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

  /** Defers a read error until keys are needed. */
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

/** An envelope shown over REST also decrypts when it is copied into its file by hand. */
const withLocal = (keys: KeyRing | undefined, local: LocalKey): KeyRing | undefined =>
  keys ? keys.with(local.known ?? NO_KEYS) : local.known
