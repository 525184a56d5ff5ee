import type { ModuleSource } from '../protocol.ts'
import { libraryModule } from './libraries.ts'
import type { ScriptFiles } from './script-files.ts'

/** Finds modules for `require`: bundled ones, then `NAME.js` in the script directories. */
export class Modules {
  readonly #files: ScriptFiles

  constructor(files: ScriptFiles) {
    this.#files = files
  }

  /** @throws ResourceException 400 when there is no such module */
  find(name: string): ModuleSource {
    const library = libraryModule(name)
    if (library) return library
    const { name: file, source, version } = this.#files.current(`${this.#files.relative(name)}.js`)
    return { name, file, source, version }
  }

  /** The same; undefined for a bundled one. */
  inForce(name: string): ModuleSource | undefined {
    return libraryModule(name) ? undefined : this.find(name)
  }

  /**
   * The same as it is on disk now; undefined for a bundled one, which needs no check.
   * @throws ResourceException 400 when there is no such module
   */
  onDisk(name: string): ModuleSource | undefined {
    if (libraryModule(name)) return undefined
    const { name: file, source, version } = this.#files.read(`${this.#files.relative(name)}.js`)
    return { name, file, source, version }
  }

  /** Undefined when the module no longer exists. */
  versionOf(name: string): string | undefined {
    try {
      return this.find(name).version
    } catch {
      return undefined
    }
  }
}
