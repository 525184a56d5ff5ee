import { librariesIn } from './libraries.ts'

/** So many scripts are remembered. */
const MAX_SCRIPTS = 1000

/** Which modules a script used last time, by its version. */
export class KnownModules {
  readonly #modules = new Map<string, readonly string[]>()

  /** For a script that never ran: the libraries that its source names. */
  of(version: string, source: string): readonly string[] {
    return this.#modules.get(version) ?? librariesIn(source)
  }

  note(version: string, modules: readonly string[]): void {
    this.#modules.delete(version)
    this.#modules.set(version, modules)
    const [oldest] = this.#modules.keys()
    if (this.#modules.size > MAX_SCRIPTS && oldest !== undefined) this.#modules.delete(oldest)
  }
}
