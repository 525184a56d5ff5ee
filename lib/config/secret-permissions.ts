import { statSync } from 'node:fs'

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
