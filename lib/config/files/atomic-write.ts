import { randomBytes } from 'node:crypto'
import { type FileHandle, lstat, open, readdir, realpath, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join, sep } from 'node:path'
import { forbidden } from '../../crest/errors.ts'

const DRAFT = /^\..+\.json\.[0-9a-f]{16}\.draft$/
/** Older drafts belong to processes that died. */
const MAX_DRAFT_AGE_MS = 60_000
/** New files are readable by their owner only, since configuration contains secrets. */
const NEW_FILE_MODE = 0o600

/** A temporary name beside `file` that scans ignore. */
const draftOf = (file: string): string =>
  join(dirname(file), `.${basename(file)}.${randomBytes(8).toString('hex')}.draft`)

/**
 * Replaces `file` atomically: at any time, even after a power failure, it contains either the old or the new content.
 * Symbolic links are followed; their target keeps mode and owner.
 * @param mayReplace called right before the replacement; false cancels it
 * @returns the result of `mayReplace`
 * @throws the file system's error, with the old content unchanged; forbidden for a link that leads out of the directory
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

/** A removed file that can be restored. */
export interface RemovedFile {
  putBack(): Promise<void>
  /** Deletes it permanently. */
  forget(): Promise<void>
}

/** Removes `file` from the directory; of a link, the target stays. */
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

/** Deletes the drafts of processes that died while writing. */
export async function sweepDrafts(directory: string): Promise<void> {
  const drafts = (await readdir(directory)).filter((name) => DRAFT.test(name))
  for (const draft of drafts.map((name) => join(directory, name))) {
    const age = Date.now() - (await lstat(draft)).mtimeMs
    if (age > MAX_DRAFT_AGE_MS) await unlink(draft)
  }
}

/** The target of a link; `file` itself if there is no target. */
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
  // Only root may change the owner; other users keep the mode only.
  await handle.chown(stats.uid, stats.gid).catch(() => undefined)
  await handle.chmod(stats.mode & 0o7777)
}

/** Makes a rename durable. Some systems cannot open or sync a directory; the error is ignored there. */
async function syncDirectory(directory: string): Promise<void> {
  try {
    const handle = await open(directory, 'r')
    await handle.sync().finally(() => handle.close())
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (!['EACCES', 'EINVAL', 'EISDIR', 'ENOTSUP', 'EPERM'].includes(code)) throw error
  }
}
