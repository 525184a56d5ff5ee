/** What a restore has to put back when it fails, or when its process ends before it is complete. */
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseStoredJson } from '../../core/json.ts'
import { replaceFileSync } from '../../core/replace-file.ts'
import { z } from '../../core/schema.ts'
import { RESTORE_MARK } from '../../gateway/ownership.ts'
import { ACCEPTANCE } from '../../gateway/project/acceptance.ts'
import { DATABASE } from '../../gateway/project/project.ts'
import { FOLDERS } from './manifest.ts'

/** In `db/` of a project. */
export const DATABASE_FILES = [
  ...['', '-wal', '-shm', '-journal'].map((suffix) => `db/${DATABASE}${suffix}`),
  `db/${ACCEPTANCE}`,
]

/** Copies of backups on their way into a project. */
export const STAGED_PREFIX = '.restore-'

const markSchema = z.object({
  /** The folder of the project that gets what was there. */
  aside: z.string().regex(/^before-restore-[\w-]+$/),
  /** What is moved there. */
  present: z.array(z.string()),
})

const markOf = (dir: string): string => join(dir, 'db', RESTORE_MARK)

/** From here until `complete` nothing else works on the project. @returns the folder for what is there */
export async function begin(dir: string, present: readonly string[]): Promise<string> {
  const aside = `before-restore-${new Date().toISOString().replace(/[:.]/g, '-')}`
  await mkdir(join(dir, aside, 'db'), { recursive: true, mode: 0o700 })
  replaceFileSync(markOf(dir), `${JSON.stringify({ aside, present })}\n`)
  return join(dir, aside)
}

export const complete = (dir: string): Promise<void> => rm(markOf(dir))

/** Undoes a restore that is not complete, at whatever step it ended. Does nothing when there is none. */
export async function undo(dir: string): Promise<void> {
  for (const name of await readdir(dir))
    if (name.startsWith(STAGED_PREFIX)) await rm(join(dir, name), { recursive: true, force: true })
  if (!existsSync(markOf(dir))) return
  const { aside, present } = markSchema.parse(parseStoredJson(readFileSync(markOf(dir), 'utf8')))
  for (const path of [...FOLDERS, ...DATABASE_FILES]) {
    const former = join(dir, aside, path)
    // Not moved yet, or moved back already.
    if (present.includes(path) && !existsSync(former)) continue
    await rm(join(dir, path), { recursive: true, force: true })
    if (present.includes(path)) await rename(former, join(dir, path))
  }
  await rm(join(dir, aside), { recursive: true, force: true })
  await complete(dir)
}
