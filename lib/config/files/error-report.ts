import type { Logger } from '../../contract.ts'
import type { StoredObject } from './stored-object.ts'

/** Logs each unusable object once, and once when it is usable again (docs/pitfalls.md#one-bad-file). */
export class ErrorReport {
  readonly #log: Logger
  #known: ReadonlyMap<string, string> = new Map()
  #warnings: ReadonlySet<string> = new Set()

  constructor(log: Logger) {
    this.#log = log
  }

  update(objects: readonly StoredObject[], warnings: readonly string[]): void {
    for (const warning of warnings) if (!this.#warnings.has(warning)) this.#log.warn({}, warning)
    this.#warnings = new Set(warnings)
    const known = new Map<string, string>()
    for (const { name, file, error } of objects) {
      if (error === undefined) {
        if (this.#known.has(file))
          this.#log.info({ id: name.id, file }, `the configuration of ${name.id} can be used again`)
        continue
      }
      known.set(file, error)
      if (this.#known.get(file) === error) continue
      this.#log.error({ id: name.id, file }, `the configuration of ${name.id} cannot be used: ${error}`)
    }
    this.#known = known
  }
}
