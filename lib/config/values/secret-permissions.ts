import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from '../../contract.ts'

const OTHERS_READ = 0o004
const OTHERS_WRITE = 0o002

/**
 * Warns of a file (or directory) with secrets that every user of the machine can read or change. Its group may: that is
 * how Kubernetes mounts secrets for a user other than root.
 * @returns a sentence for a person; undefined when all is well, the file is absent, or on Windows, whose modes say nothing
 */
export function checkPermissions(file: string): string | undefined {
  if (process.platform === 'win32') return undefined
  const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0
  const rights = [mode & OTHERS_READ ? 'read' : '', mode & OTHERS_WRITE ? 'change' : ''].filter((right) => right !== '')
  if (rights.length === 0) return undefined
  return `${file} holds secrets, and every user of this machine can ${rights.join(' and ')} it; run: chmod o-rwx '${file}'`
}

/** Tells the log of files with secrets that everybody can read: each once, until it is well again. */
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

/** The files of a directory that are not hidden; a file itself; nothing when there is nothing. */
export function filesIn(path: string): string[] {
  try {
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path]
    const names = readdirSync(path).filter((name) => !name.startsWith('.'))
    return names.map((name) => join(path, name)).filter((file) => statSync(file).isFile())
  } catch {
    return []
  }
}
