import type { ConfigurationObject, JsonObject } from '../../contract.ts'
import { copyJson } from '../../core/json.ts'
import type { ScannedFile, ScannedFiles } from './file-scan.ts'
import { pidOf } from './naming.ts'
import { type Resolve, StoredObject } from './stored-object.ts'

/** Time for a slow writer to finish before an incomplete file is reported (docs/pitfalls.md#partial-files). */
export const SETTLE_MS = 500
/**
 * Time before a missing file counts as deleted: editors may save by unlink and create (docs/pitfalls.md#partial-files).
 */
export const GRACE_MS = 60

/** The configuration objects of a directory, updated by scans. */
export class ObjectTable {
  readonly #resolve: Resolve
  /** By file name. */
  #objects: ReadonlyMap<string, StoredObject> = new Map()
  #resolution = 0

  constructor(resolve: Resolve) {
    this.#resolve = resolve
  }

  /** Sorted by file name. */
  all(): StoredObject[] {
    return [...this.#objects.values()]
  }

  find(id: string): StoredObject | undefined {
    return this.all().find(({ name }) => name.id === id)
  }

  /**
   * The objects for the consumer of `pid`. Expressions are resolved only here: without a consumer they are plain text.
   */
  objectsOf(pid: string): ConfigurationObject[] {
    const own = this.all().filter(({ name }) => pidOf(name.id) === pid)
    return own.map((stored) => stored.resolved(this.#resolve, this.#resolution))
  }

  /** Resolves `raw` as for a consumer. Throws an Error with a one-sentence message. */
  resolve(raw: JsonObject, file: string): JsonObject {
    return this.#resolve(copyJson(raw), file)
  }

  /** Resolves all expressions again. */
  invalidate(): void {
    this.#resolution += 1
  }

  /**
   * Applies the result of a scan. Unsettled changes are deferred; with `decisive`, a missing file is deleted at once.
   * @returns false if a file may still be being written: scan again soon
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
