import { basename } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { ConfigurationObject, JsonObject } from '../../contract.ts'
import { copyJson } from '../../core/json.ts'
import type { FileContent, ScannedFile } from './file-scan.ts'
import { nameFault, type ObjectName } from './naming.ts'

/** Resolves the expressions of a content. Throws an Error with a one-sentence message. */
export type Resolve = (content: JsonObject, file: string) => JsonObject

/** A configuration object as in its file, and resolved for its consumer. */
export class StoredObject {
  readonly name: ObjectName
  /** Absolute. */
  readonly file: string
  readonly content: FileContent
  /** When the file was first found missing. */
  readonly missingSince: number | undefined
  readonly #fault: string | undefined
  #object: ConfigurationObject | undefined
  #resolution: number | undefined

  constructor({ name, path, content }: ScannedFile, before?: StoredObject, missingSince?: number) {
    this.name = name
    this.file = path
    this.content = content
    this.missingSince = missingSince
    this.#fault = nameFault(name) ?? content.fault
    this.#object = before === undefined ? undefined : before.#object
  }

  /** The content as in the file; undefined if the file cannot be read or parsed. */
  get raw(): JsonObject | undefined {
    return this.content.raw
  }

  /** Why it is unusable, as a sentence with the file name; undefined if it is usable or has no consumer. */
  get error(): string | undefined {
    return this.#fault === undefined ? this.#object?.error : this.#inFile(this.#fault)
  }

  /** The same object, missing on disk since `missingSince`. */
  missing(missingSince: number): StoredObject {
    return new StoredObject(
      { name: this.name, path: this.file, content: this.content, signature: '' },
      this,
      missingSince,
    )
  }

  /** The object for its consumer; the same instance until it changes. `resolution` counts changes of value sources. */
  resolved(resolve: Resolve, resolution: number): ConfigurationObject {
    if (this.#object && this.#resolution === resolution) return this.#object
    const made = this.#make(resolve)
    this.#resolution = resolution
    if (!this.#object || !isDeepStrictEqual(this.#object, made)) this.#object = made
    return this.#object
  }

  #make(resolve: Resolve): ConfigurationObject {
    const facts = { id: this.name.id, alias: this.name.alias, file: this.file }
    if (this.#fault !== undefined) return { ...facts, error: this.#inFile(this.#fault) }
    try {
      const raw = this.content.raw ?? {}
      const content = resolve(copyJson(raw), this.file)
      return isDeepStrictEqual(content, raw) ? { ...facts, content } : { ...facts, content, raw }
    } catch (error) {
      return { ...facts, error: this.#inFile((error as Error).message) }
    }
  }

  readonly #inFile = (fault: string): string => `${basename(this.file)}: ${fault}`
}
