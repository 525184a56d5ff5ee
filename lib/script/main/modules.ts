import type { ModuleSource } from '../protocol.ts'
import { libraryModule } from './libraries.ts'
import type { ScriptFiles } from './script-files.ts'

/** What `require` finds: what comes with the gateway, then `NAME.js` in the script directories. */
export class Modules {
  readonly #files: ScriptFiles

  constructor(files: ScriptFiles) {
    this.#files = files
  }

  /** @throws ResourceException 400 when there is no such module */
  find(name: string): ModuleSource {
    const library = libraryModule(name)
    if (library) return library
    const { name: file, source, version } = this.#files.current(`${name}.js`)
    return { name, file, source, version }
  }

  /** Undefined when there is no such module any more. */
  versionOf(name: string): string | undefined {
    try {
      return this.find(name).version
    } catch {
      return undefined
    }
  }
}
