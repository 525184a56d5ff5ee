import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from '../../contract.ts'

const OTHERS_READ = 0o004
const OTHERS_WRITE = 0o002

/**
 * Whether every user of the machine can read or change a file or directory with secrets. Access by its group is fine:
 * Kubernetes mounts secrets that way for users other than root.
 * @returns a message; undefined when access is limited, the file is absent, or on Windows, where modes mean nothing
 */
export function checkPermissions(file: string): string | undefined {
  if (process.platform === 'win32') return undefined
  const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0
  const rights = [mode & OTHERS_READ ? 'read' : '', mode & OTHERS_WRITE ? 'change' : ''].filter((right) => right !== '')
  if (rights.length === 0) return undefined
  return `${file} holds secrets, and every user of this machine can ${rights.join(' and ')} it; run: chmod o-rwx '${file}'`
}

/** Logs files with secrets that every user can read: each once, until it is fixed. */
export class PermissionCheck {
  readonly #log: Logger
  readonly #told = new Set<string>()

  constructor(log: Logger) {
    this.#log = log
  }

  check(file: string): void {
    const sentence = checkPermissions(file)
    if (sentence === undefined) this.#told.delete(file)
    else if (!this.#told.has(file)) {
      this.#told.add(file)
      this.#log.warn({ file }, sentence)
    }
  }
}

/** The visible files of a directory; for a file, the file itself; empty when absent. */
export function filesIn(path: string): string[] {
  try {
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path]
    const names = readdirSync(path).filter((name) => !name.startsWith('.'))
    return names.map((name) => join(path, name)).filter((file) => statSync(file).isFile())
  } catch {
    return []
  }
}
