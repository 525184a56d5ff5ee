import { basename } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { ConfigurationObject, JsonObject } from '../contract.ts'
import type { FileContent, ScannedFile, ScannedFiles } from './file-scan.ts'
import { nameFault, type ObjectName, pidOf } from './naming.ts'

/** Replaces the expressions of a content. Throws an Error with a sentence for a person. */
export type Resolve = (content: JsonObject, file: string) => JsonObject

/** One configuration object: as its owner knows it, and as it stands in the file. */
export interface StoredObject {
  readonly name: ObjectName
  readonly object: ConfigurationObject
  /** Absent when the file cannot be read or parsed: see `object.error`. */
  readonly raw?: JsonObject
}

interface Entry extends StoredObject {
  readonly content: FileContent
  readonly resolution: number
  /** When the file was first missed. */
  readonly missingSince?: number
}

/** A slow writer is given this time to finish before its half file is reported (pitfall R8). */
export const SETTLE_MS = 500
/** An editor that saves by unlink and create leaves no file for a moment: it is no deletion yet (R8). */
export const GRACE_MS = 60

export interface Update {
  /** False: a file may still be in the middle of being written, look again soon. */
  readonly settled: boolean
  /** Objects that are new or differ from what they were. */
  readonly changed: readonly ConfigurationObject[]
}

/** The configuration objects of a directory, brought up to date from what a scan found. */
export class ObjectTable {
  readonly #resolve: Resolve
  #entries: ReadonlyMap<string, Entry> = new Map()
  #resolution = 0

  constructor(resolve: Resolve) {
    this.#resolve = resolve
  }

  /** In the order of their file names. */
  all(): StoredObject[] {
    return [...this.#entries.values()]
  }

  objectsOf(pid: string): ConfigurationObject[] {
    return this.all().flatMap(({ name, object }) => (pidOf(name.id) === pid ? [object] : []))
  }

  /** The next `update` resolves every expression again. */
  invalidate(): void {
    this.#resolution += 1
  }

  /**
   * Takes over what was found. Nothing is reported before it has settled; `decisive` takes a missing file as deleted
   * at once. An object that did not change stays the same object.
   */
  update(files: ScannedFiles, decisive: boolean): Update {
    const now = performance.now()
    const entries = new Map<string, Entry>()
    let settled = true
    for (const [file, scanned] of files) {
      const before = this.#entries.get(file)
      const unsettled = scanned.content.fault !== undefined && now - scanned.content.since < SETTLE_MS
      const entry = unsettled ? before : this.#entryOf(scanned, before)
      if (unsettled) settled = false
      if (entry) entries.set(file, entry)
    }
    for (const [file, entry] of this.#entries) {
      const missingSince = entry.missingSince ?? now
      if (files.has(file) || decisive || now - missingSince >= GRACE_MS) continue
      settled = false
      entries.set(file, { ...entry, missingSince })
    }
    const known = new Set(this.all().map(({ object }) => object))
    this.#entries = entries
    return { settled, changed: this.all().flatMap(({ object }) => (known.has(object) ? [] : [object])) }
  }

  #entryOf(scanned: ScannedFile, before: Entry | undefined): Entry {
    const { name, content } = scanned
    const resolution = this.#resolution
    if (before && before.content === content && before.resolution === resolution && !before.missingSince) return before
    const made = this.#objectOf(scanned)
    const object = before && isDeepStrictEqual(before.object, made) ? before.object : made
    return { name, object, content, resolution, ...(content.raw && { raw: content.raw }) }
  }

  #objectOf({ name, path, content }: ScannedFile): ConfigurationObject {
    const facts = { id: name.id, alias: name.alias, file: path }
    const fault = nameFault(name) ?? content.fault
    if (fault !== undefined) return { ...facts, error: `${basename(path)}: ${fault}` }
    try {
      return { ...facts, content: this.resolve(content.raw ?? {}, path) }
    } catch (error) {
      return { ...facts, error: `${basename(path)}: ${(error as Error).message}` }
    }
  }

  /** What an owner gets of `raw`: a copy of its own. */
  resolve(raw: JsonObject, path: string): JsonObject {
    return this.#resolve(structuredClone(raw), path)
  }
}
