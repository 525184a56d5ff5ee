import { randomBytes } from 'node:crypto'
import { type FileHandle, lstat, open, readdir, realpath, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join, sep } from 'node:path'
import { forbidden } from '../../crest/errors.ts'

const DRAFT = /^\..+\.json\.[0-9a-f]{16}\.draft$/
/** A draft that is older was left behind by a process that died. */
const STALE_MS = 60_000
/** Configuration holds secrets: a new file is its owner's alone. */
const NEW_FILE_MODE = 0o600

/** A name beside `file` that no scan takes for a configuration object. */
const draftOf = (file: string): string =>
  join(dirname(file), `.${basename(file)}.${randomBytes(8).toString('hex')}.draft`)

/**
 * Replaces `file` in one step: at any time, also after a power cut, it holds either the old or the new content whole.
 * A link is written through, its target keeps mode and owner.
 * @param mayReplace asked right before the step; on false everything stays as it is
 * @returns what `mayReplace` said
 * @throws the file system's error, the old content is in place then; forbidden for a link that leads out of the directory
 */
export async function replaceFile(file: string, bytes: Uint8Array, mayReplace: () => boolean): Promise<boolean> {
  const target = await targetOf(file)
  const draft = draftOf(target)
  try {
    await writeDraft(draft, bytes, target)
    if (!mayReplace()) return false
    await rename(draft, target)
  } finally {
    await unlink(draft).catch(() => undefined)
  }
  await syncDirectory(dirname(target))
  return true
}

/** A file that was taken away and can still come back. */
export interface RemovedFile {
  putBack(): Promise<void>
  /** Deletes it for good. */
  forget(): Promise<void>
}

/** Takes `file` out of the directory; a link goes, its target stays. */
export async function removeFile(file: string): Promise<RemovedFile> {
  const draft = draftOf(file)
  await rename(file, draft)
  await syncDirectory(dirname(file))
  return {
    async putBack() {
      await rename(draft, file)
      await syncDirectory(dirname(file))
    },
    forget: () => unlink(draft),
  }
}

/** Deletes what a process that was killed while it wrote has left behind. */
export async function sweepDrafts(directory: string): Promise<void> {
  const drafts = (await readdir(directory)).filter((name) => DRAFT.test(name))
  for (const draft of drafts.map((name) => join(directory, name))) {
    const age = Date.now() - (await lstat(draft)).mtimeMs
    if (age > STALE_MS) await unlink(draft)
  }
}

/** The file itself behind a link; the name itself when nothing is there. */
async function targetOf(file: string): Promise<string> {
  const stats = await lstat(file).catch(() => undefined)
  if (!stats?.isSymbolicLink()) return file
  const target = await realpath(file).catch(() => file)
  const inside = target === file || target.startsWith((await realpath(dirname(file))) + sep)
  if (!inside)
    throw forbidden(
      `${basename(file)} is a link that leads out of the configuration directory: change its target instead`,
    )
  return target
}

async function writeDraft(draft: string, bytes: Uint8Array, target: string): Promise<void> {
  const handle = await open(draft, 'wx', NEW_FILE_MODE)
  try {
    await takeOverAccess(handle, target)
    await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function takeOverAccess(handle: FileHandle, target: string): Promise<void> {
  const stats = await stat(target).catch(() => undefined)
  if (!stats) return
  // Only the super-user may give files away; the mode alone is what others can have.
  await handle.chown(stats.uid, stats.gid).catch(() => undefined)
  await handle.chmod(stats.mode & 0o7777)
}

/** Makes a rename last. Some systems cannot open or sync a directory: there it lasts by itself, or nothing helps. */
async function syncDirectory(directory: string): Promise<void> {
  try {
    const handle = await open(directory, 'r')
    await handle.sync().finally(() => handle.close())
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (!['EACCES', 'EINVAL', 'EISDIR', 'ENOTSUP', 'EPERM'].includes(code)) throw error
  }
}
