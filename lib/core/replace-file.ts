import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/**
 * Replaces a small file in one step: its readers see the old content or the new one, also after a power failure.
 * @param mode of the new file
 * @throws the file system's error
 */
export function replaceFileSync(file: string, text: string, mode = 0o600): void {
  const draft = join(dirname(file), `.${basename(file)}.${process.pid}.draft`)
  rmSync(draft, { force: true })
  writeFileSync(draft, text, { flag: 'wx', mode, flush: true })
  renameSync(draft, file)
}
