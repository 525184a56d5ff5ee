import type { ConfigurationObject, JsonObject } from '../../contract.ts'
import { copyJson } from '../../core/json.ts'
import type { ScannedFile, ScannedFiles } from './file-scan.ts'
import { pidOf } from './naming.ts'
import { type Resolve, StoredObject } from './stored-object.ts'

/** A slow writer is given this time to finish before its half file is reported (docs/pitfalls.md#partial-files). */
export const SETTLE_MS = 500
/**
 * An editor that saves by unlink and create leaves no file for a moment: it is no deletion yet
 * (docs/pitfalls.md#partial-files).
 */
export const GRACE_MS = 60

/** The configuration objects of a directory, brought up to date from what a scan found. */
export class ObjectTable {
  readonly #resolve: Resolve
  /** By file name. */
  #objects: ReadonlyMap<string, StoredObject> = new Map()
  #resolution = 0

  constructor(resolve: Resolve) {
    this.#resolve = resolve
  }

  /** In the order of their file names. */
  all(): StoredObject[] {
    return [...this.#objects.values()]
  }

  find(id: string): StoredObject | undefined {
    return this.all().find(({ name }) => name.id === id)
  }

  /**
   * What the owner of `pid` gets. Only here expressions are resolved: in objects that nobody processes they are text
   * like any other.
   */
  objectsOf(pid: string): ConfigurationObject[] {
    const own = this.all().filter(({ name }) => pidOf(name.id) === pid)
    return own.map((stored) => stored.resolved(this.#resolve, this.#resolution))
  }

  /** What an owner would get of `raw`. Throws an Error with a sentence for a person. */
  resolve(raw: JsonObject, file: string): JsonObject {
    return this.#resolve(copyJson(raw), file)
  }

  /** Every expression is resolved again. */
  invalidate(): void {
    this.#resolution += 1
  }

  /**
   * Takes over what was found. Nothing is reported before it has settled; `decisive` takes a missing file as deleted
   * at once.
   * @returns false when a file may still be in the middle of being written: look again soon
   */
  update(files: ScannedFiles, decisive: boolean): boolean {
    const now = performance.now()
    const objects = new Map<string, StoredObject>()
    let settled = true
    for (const file of [...new Set([...files.keys(), ...this.#objects.keys()])].sort()) {
      const before = this.#objects.get(file)
      const { object, unsettled } = settle(files.get(file), before, decisive, now)
      if (unsettled) settled = false
      if (object) objects.set(file, object)
    }
    this.#objects = objects
    return settled
  }
}

interface Settlement {
  readonly object: StoredObject | undefined
  readonly unsettled?: boolean
}

function settle(
  scanned: ScannedFile | undefined,
  before: StoredObject | undefined,
  decisive: boolean,
  now: number,
): Settlement {
  if (!scanned) {
    const missingSince = before?.missingSince ?? now
    const deleted = decisive || now - missingSince >= GRACE_MS
    return deleted ? { object: undefined } : { object: before?.missing(missingSince), unsettled: true }
  }
  const { content } = scanned
  if (content.fault !== undefined && now - content.since < SETTLE_MS) return { object: before, unsettled: true }
  const same = before?.content === content && before.missingSince === undefined
  return { object: same ? before : new StoredObject(scanned, before) }
}
