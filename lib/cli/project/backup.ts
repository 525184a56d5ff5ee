/** `project backup`: a copy of a project, while a gateway runs on it or not. */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { lstat, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { KEYS_FILE } from '../../config/values/content-resolver.ts'
import { LOCAL_KEY_FILE } from '../../config/values/local-key.ts'
import { Ownership, ownerOrOwnership } from '../../gateway/ownership.ts'
import { ACCEPTANCE } from '../../gateway/project/acceptance.ts'
import { packageVersion } from '../../gateway/project/package-info.ts'
import { DATABASE } from '../../gateway/project/project.ts'
import { StartError, startError } from '../../gateway/project/start-error.ts'
import { copyDatabase, layoutOf } from '../../repo/sqlite/database-copy.ts'
import { type CommandIo, type ProjectOptions, projectDirOf } from '../command.ts'
import { placeOfProject } from '../repo/project-place.ts'
import { type BackedUpFile, copyFile, digestFile, FOLDERS, MANIFEST, newManifest } from './manifest.ts'

export interface BackupOptions extends ProjectOptions {
  readonly withKeys?: boolean
}

/** Files that decrypt the others. */
export const KEY_FILES: readonly string[] = [`security/${KEYS_FILE}`, `security/${LOCAL_KEY_FILE}`]

/** Copies the project into a new directory: all of it or nothing. Resolves to the exit status. */
export async function projectBackup(target: string, options: BackupOptions, io: CommandIo): Promise<number> {
  const dir = await projectDirOf(options, io.cwd)
  const backup = resolve(io.cwd, target)
  assertFree(dir, backup)
  const release = await withoutWriters(dir)
  const draft = `${backup}.${randomBytes(8).toString('hex')}.draft`
  try {
    const left: string[] = []
    const files = await fill(draft, dir, { withKeys: options.withKeys ?? false, left })
    assertFree(dir, backup)
    await rename(draft, backup)
    report(backup, files.length, { ...options, left }, io)
    const place = await placeOfProject(dir, io.env).catch(() => undefined)
    if (place && 'url' in place)
      io.stderr.write('The database on the server is not part of it: back it up with the tools of PostgreSQL.\n')
    return 0
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    throw startError(backup, error)
  } finally {
    release()
  }
}

function assertFree(dir: string, backup: string): void {
  if (existsSync(backup)) throw new StartError(`${backup}: exists already; name a directory that does not`)
  const inside = [...FOLDERS, 'db'].find((folder) => `${backup}/`.startsWith(`${join(dir, folder)}/`))
  if (inside !== undefined) throw new StartError(`${backup}: is in ${inside}/ of the project; name another place`)
}

/**
 * Excludes commands that replace files of the project, such as `secret rotate`: waits for one that runs. A gateway, or a
 * command that serves others, may run meanwhile.
 */
async function withoutWriters(dir: string): Promise<() => void> {
  const db = join(dir, 'db')
  if (!existsSync(db)) return () => undefined
  const found = await ownerOrOwnership({ dir, db }, false)
  return found instanceof Ownership ? () => found.release() : () => undefined
}

interface Choice {
  readonly withKeys: boolean
  /** Gets the paths of what is left out. */
  readonly left: string[]
}

/** The database comes first: it takes longest, and the files must not be older than its objects. */
async function fill(draft: string, dir: string, choice: Choice): Promise<BackedUpFile[]> {
  await mkdir(dirname(draft), { recursive: true })
  for (const folder of ['', 'db', ...FOLDERS]) await mkdir(join(draft, folder), { mode: 0o700 })
  const files: BackedUpFile[] = []
  const database = join(dir, 'db', DATABASE)
  const copy = join(draft, 'db', DATABASE)
  if (existsSync(database)) {
    copyDatabase(database, copy)
    files.push({ path: `db/${DATABASE}`, ...(await digestFile(copy)) })
  }
  // Records which schedules may run. A database without it is taken for one of an earlier version.
  const accepted = `db/${ACCEPTANCE}`
  if (existsSync(join(dir, accepted)))
    files.push({ path: accepted, ...(await copyFile(join(dir, accepted), join(draft, accepted))) })
  for (const folder of FOLDERS) files.push(...(await copyFolder(draft, dir, folder, choice)))
  const manifest = newManifest({
    version: packageVersion(),
    layout: existsSync(copy) ? layoutOf(copy) : null,
    time: new Date().toISOString(),
    withKeys: choice.withKeys,
    files,
  })
  await writeFile(join(draft, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600, flush: true })
  return files
}

async function copyFolder(draft: string, dir: string, folder: string, choice: Choice): Promise<BackedUpFile[]> {
  const files: BackedUpFile[] = []
  const names = existsSync(join(dir, folder)) ? await readdir(join(dir, folder)) : []
  for (const name of names.sort()) {
    const path = `${folder}/${name}`
    const from = join(dir, path)
    // Half-written files of a gateway, and the versions that Kubernetes links to.
    if (name.endsWith('.draft') || name.startsWith('..')) continue
    if (!choice.withKeys && KEY_FILES.includes(path)) choice.left.push(path)
    else if ((await lstat(from)).isDirectory()) {
      await mkdir(join(draft, path), { mode: 0o700 })
      files.push(...(await copyFolder(draft, dir, path, choice)))
    } else if ((await stat(from).catch(() => undefined))?.isFile())
      files.push({ path, ...(await copyFile(from, join(draft, path))) })
    else choice.left.push(path)
  }
  return files
}

function report(
  backup: string,
  count: number,
  { withKeys, left }: BackupOptions & Pick<Choice, 'left'>,
  { stdout, stderr, env }: CommandIo,
): void {
  stdout.write(`${backup}: ${count} files\n`)
  const others = left.filter((path) => !KEY_FILES.includes(path))
  if (others.length > 0) stderr.write(`Left out, since they are not files: ${others.join(', ')}\n`)
  if (env.IDM_CRYPTO_KEYS || env.IDM_CRYPTO_KEYS_FILE)
    stderr.write('The keys that the environment names are not part of it: back them up separately.\n')
  else if (!withKeys && left.length > others.length)
    stderr.write(
      `Without keys: back up ${left.filter((path) => KEY_FILES.includes(path)).join(' and ')} separately, or encrypted values are lost.\n`,
    )
}
