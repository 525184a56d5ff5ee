import { join } from 'node:path'
import type { Json } from '../../../contract.ts'
import { isObject, parseJson } from '../../../core/json.ts'
import { getAt, parsePointer } from '../../../crest/pointer.ts'
import { parseConfigText } from '../../files/config-text.ts'
import { readFileBounded } from '../../files/file-read.ts'
import { substitute } from '../substitution/substitution.ts'
import type { Secrets } from './kinds.ts'
import { type OpenStoreOptions, openStore, type Store } from './open.ts'

export interface SecretStoresOptions extends OpenStoreOptions {
  /** Default: `conf/secrets.json` in the project. */
  readonly file?: string
}

/** Resolves `{"$purpose":{"name","jsonPointer"}}`. */
export interface PurposeSource {
  /** @throws Error that quotes no secret */
  resolve(name: string, jsonPointer?: string): Json
}

/**
 * The stores of `conf/secrets.json`, in order. A store that cannot be read, such as IDM's own JCEKS keystore, fails only
 * the purposes that are mapped to it.
 */
export class SecretStores implements PurposeSource {
  readonly #options: SecretStoresOptions
  readonly #file: string
  #stores: readonly Store[] = []
  #fault: string | undefined

  constructor(options: SecretStoresOptions) {
    this.#options = options
    this.#file = options.file ?? join(options.projectDir, 'conf', 'secrets.json')
  }

  /** Reads the file and its stores. Never rejects: `resolve` reports errors. */
  async load(): Promise<void> {
    const stores: Store[] = []
    let fault: string | undefined
    try {
      for (const store of this.#read()) stores.push(await openStore(store, this.#options))
    } catch (error) {
      const { message } = error as Error
      fault = message.startsWith(this.#file) ? message : `${this.#file}: ${message}`
    }
    this.#stores = stores
    this.#fault = fault
  }

  /** Files and directories to watch. */
  files(): string[] {
    return [this.#file, ...this.#stores.flatMap(({ path }) => path ?? [])]
  }

  /** Files and directories of the stores that have mappings. */
  secretPaths(): string[] {
    return this.#stores.flatMap(({ path, mapped }) => (mapped.size > 0 && path !== undefined ? [path] : []))
  }

  resolve(name: string, jsonPointer?: string): Json {
    const secret = this.#find(name)
    return jsonPointer === undefined ? secret : memberOf(secret, name, jsonPointer)
  }

  #read(): readonly Json[] {
    const content = substitute(parseConfigText(contentOf(this.#file)), this.#options.sources, this.#file)
    if (!Array.isArray(content.stores)) throw new Error(`${this.#file}: stores: must be an array`)
    return content.stores
  }

  #find(name: string): string {
    if (this.#fault !== undefined) throw new Error(`purpose "${name}": ${this.#fault}`)
    const stores = this.#stores.filter(({ mapped }) => mapped.has(name))
    if (stores.length === 0)
      throw new Error(`purpose "${name}": no store in ${this.#file} has a mapping with this secretId`)
    for (const store of stores) {
      if (typeof store.secrets === 'string')
        throw new Error(`purpose "${name}": store "${store.name}": ${store.secrets}`)
      const secret = secretOf(store.secrets, name, store.name)
      if (secret !== undefined) return secret
    }
    throw new Error(
      `purpose "${name}": there is no such secret in ${stores.map((store) => `"${store.name}"`).join(', ')}`,
    )
  }
}

function secretOf(secrets: Secrets, name: string, storeName: string): string | undefined {
  try {
    return secrets.get(name)?.()
  } catch (error) {
    throw new Error(`purpose "${name}": store "${storeName}": ${(error as Error).message}`)
  }
}

/** The member of a secret that is a JSON object. */
function memberOf(secret: string, name: string, jsonPointer: string): Json {
  const member = getAt(jsonIn(secret, name), parsePointer(jsonPointer))
  if (member === undefined) throw new Error(`purpose "${name}": the secret has no member at ${jsonPointer}`)
  return member
}

function jsonIn(secret: string, name: string): Json {
  try {
    const json = parseJson(secret)
    if (isObject(json)) return json
  } catch {
    // V8's message would quote the secret.
  }
  throw new Error(`purpose "${name}": the secret is not a JSON object, so "jsonPointer" does not apply`)
}

function contentOf(file: string): Buffer {
  try {
    return readFileBounded(file).bytes
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new Error(code === 'ENOENT' ? `${file} does not exist` : `${file}: cannot be read (${code ?? message})`)
  }
}
