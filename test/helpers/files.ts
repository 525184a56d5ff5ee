import { mkdir, mkdtemp, readdir, realpath, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { type CleanUp, onCleanUp } from './clean-up.ts'

/** Makes an empty directory that is removed with its owner; the path holds no symbolic link. */
export const tempDir = (): Promise<string> => makeTempDir(onCleanUp)

/** The same with an owner that is given. */
export async function makeTempDir(own: (remove: CleanUp) => void): Promise<string> {
  const directory = await mkdtemp(join(await realpath(tmpdir()), 'external-idm-'))
  own(() => rm(directory, { recursive: true, force: true, maxRetries: 3 }))
  return directory
}

/** Writes `files` (name, maybe with folders, to content; anything but text becomes JSON) and returns `directory`. */
export async function writeFiles(directory: string, files: Readonly<Record<string, unknown>>): Promise<string> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true })
    await writeFile(join(directory, name), textOf(content))
  }
  return directory
}

/** A temporary directory that holds `files`: see {@link writeFiles}. */
export const tempDirWith = async (files: Readonly<Record<string, unknown>>): Promise<string> =>
  writeFiles(await tempDir(), files)

/** Replaces `file` in one step, as a careful editor does: nobody can read half of it. */
export async function writeAtomically(file: string, content: unknown): Promise<void> {
  const draft = join(dirname(file), `.${basename(file)}.${process.pid}.draft`)
  await writeFile(draft, textOf(content))
  await rename(draft, file)
}

/**
 * Truncates `file`, writes the first half, runs `between`, then the rest: what a watcher sees of a slow writer
 * (docs/pitfalls.md#partial-files).
 */
export async function writeInHalves(
  file: string,
  content: unknown,
  between: () => unknown = () => undefined,
): Promise<void> {
  const text = textOf(content)
  const half = Math.ceil(text.length / 2)
  await writeFile(file, text.slice(0, half))
  await between()
  await writeFile(file, text.slice(half), { flag: 'a' })
}

let generation = 0

/**
 * Fills `directory` as Kubernetes mounts a ConfigMap, or swaps its content when it was filled before: every name is a
 * link through `..data`, which is replaced in one step by the next generation (docs/pitfalls.md#configmap-swaps). Names
 * are plain, without folders.
 */
export async function writeConfigMap(directory: string, files: Readonly<Record<string, unknown>>): Promise<void> {
  generation += 1
  const current = `..${process.pid}_${generation}`
  const old = await realpath(join(directory, '..data')).catch(() => undefined)
  await writeFiles(join(directory, current), files)
  await symlink(current, join(directory, '..data_tmp'))
  await rename(join(directory, '..data_tmp'), join(directory, '..data'))
  const present = (await readdir(directory)).filter((name) => !name.startsWith('..'))
  const wanted = Object.keys(files)
  for (const name of present.filter((name) => !wanted.includes(name))) await unlink(join(directory, name))
  for (const name of wanted.filter((name) => !present.includes(name))) {
    await symlink(join('..data', name), join(directory, name))
  }
  if (old) await rm(old, { recursive: true })
}

const textOf = (content: unknown): string | Uint8Array =>
  typeof content === 'string' || content instanceof Uint8Array ? content : `${JSON.stringify(content, null, 2)}\n`
