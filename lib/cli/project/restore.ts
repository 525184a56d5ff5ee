/** `project restore`: puts a backup in the place of a project. */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { takeOwnership } from '../../gateway/ownership.ts'
import { DATABASE } from '../../gateway/project/project.ts'
import { StartError, startError } from '../../gateway/project/start-error.ts'
import { checkDatabase } from '../../repo/sqlite/database-copy.ts'
import type { CommandIo, ProjectOptions } from '../command.ts'
import { KEY_FILES } from './backup.ts'
import { begin, complete, DATABASE_FILES, STAGED_PREFIX, undo } from './interrupted-restore.ts'
import { copyFile, FOLDERS, type Manifest, readManifest } from './manifest.ts'

export interface RestoreOptions extends ProjectOptions {
  readonly force?: boolean
}

/** Verifies the backup completely, then replaces the project: all of it or nothing. Resolves to the exit status. */
export async function projectRestore(source: string, options: RestoreOptions, io: CommandIo): Promise<number> {
  const [backup, dir] = [resolve(io.cwd, source), resolve(io.cwd, options.project)]
  const manifest = await readManifest(backup)
  await mkdir(join(dir, 'db'), { recursive: true, mode: 0o750 })
  const ownership = await takeOwnership({ dir, db: join(dir, 'db') }, 'restore')
  const staged = join(dir, `${STAGED_PREFIX}${randomBytes(8).toString('hex')}`)
  try {
    await undo(dir)
    const present = await contentOf(dir)
    if (present.length > 0 && !options.force)
      throw new StartError(`${dir}: has ${present.join(', ')} already; --force moves what is there aside`)
    await stage(backup, manifest, staged)
    const kept = manifest.withKeys ? [] : await keepKeys(dir, staged)
    const aside = await replace(dir, staged, present)
    io.stdout.write(`${dir}: ${manifest.files.length} files of ${manifest.time}\n`)
    if (aside !== undefined) io.stdout.write(`What was there is in ${aside}\n`)
    if (!manifest.withKeys && kept.length === 0)
      io.stderr.write(`The backup has no keys: put ${KEY_FILES[0]} back before the gateway starts.\n`)
    return 0
  } catch (error) {
    throw startError(dir, error)
  } finally {
    await rm(staged, { recursive: true, force: true })
    ownership.release()
  }
}

/** What a restored project would replace. */
async function contentOf(dir: string): Promise<string[]> {
  const present: string[] = []
  for (const folder of FOLDERS)
    if (existsSync(join(dir, folder)) && (await readdir(join(dir, folder))).length > 0) present.push(folder)
  return [...present, ...DATABASE_FILES.filter((path) => existsSync(join(dir, path)))]
}

/** Copies the backup beside the project. What is copied is what is verified. */
async function stage(backup: string, { files, layout }: Manifest, staged: string): Promise<void> {
  for (const folder of ['', 'db', ...FOLDERS]) await mkdir(join(staged, folder), { mode: 0o700 })
  for (const { path, size, sha256 } of files) {
    const to = join(staged, path)
    await mkdir(dirname(to), { recursive: true, mode: 0o700 })
    const copy = await copyFile(join(backup, path), to).catch((error: unknown) => {
      throw startError(`${backup}: ${path}`, error)
    })
    if (copy.size !== size || copy.sha256 !== sha256)
      throw new StartError(`${backup}: ${path} is not as it was backed up; nothing was changed`)
  }
  if (layout === null) return
  try {
    checkDatabase(join(staged, 'db', DATABASE))
  } catch (error) {
    throw startError(`${backup}: db/${DATABASE}`, error)
  }
}

/** A backup without keys leaves those of the project in force. */
async function keepKeys(dir: string, staged: string): Promise<string[]> {
  const kept = KEY_FILES.filter((path) => existsSync(join(dir, path)))
  for (const path of kept) await copyFile(join(dir, path), join(staged, path))
  return kept
}

/** @returns where the former content is; undefined when there was none */
async function replace(dir: string, staged: string, present: readonly string[]): Promise<string | undefined> {
  const aside = await begin(dir, present)
  try {
    for (const path of present) await rename(join(dir, path), join(aside, path))
    await place(dir, staged)
  } catch (error) {
    await undo(dir)
    throw error
  }
  await complete(dir)
  if (present.length > 0) return aside
  await rm(aside, { recursive: true, force: true })
  return undefined
}

/** The lock of this command is in `db/`: it stays, and the database goes in. */
async function place(dir: string, staged: string): Promise<void> {
  for (const folder of FOLDERS) {
    await rm(join(dir, folder), { recursive: true, force: true })
    await rename(join(staged, folder), join(dir, folder))
  }
  for (const name of await readdir(join(staged, 'db'))) await rename(join(staged, 'db', name), join(dir, 'db', name))
}
