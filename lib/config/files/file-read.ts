import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'

export const MAX_FILE_BYTES = 4 * 1024 * 1024
/**
 * A file whose times are younger than this may change again without a new time, so its signature says nothing yet. Most
 * file systems tick in milliseconds; some in seconds (FAT: two), which shows in times without a fraction.
 */
const FINE_TICK_MS = 100
const COARSE_TICK_MS = 3000
const SECOND_NS = 1_000_000_000n

/** What stands under the name is nothing that can hold configuration. The message is a sentence for a person. */
export class UnreadableFile extends Error {}

export interface ReadFile {
  readonly bytes: Buffer
  readonly signature: string | undefined
}

/** Device, inode, size and times: a rename, a rewrite and a swapped link each change at least one. */
export const signatureOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string =>
  [dev, ino, size, mtimeNs, ctimeNs].join(':')

/**
 * Reads a regular file, through links.
 * @throws UnreadableFile when it is none or too large, or the file system's error
 */
export function readFileBounded(path: string): ReadFile {
  // Opening a named pipe would wait for a writer for ever; without blocking it returns and is refused as no file.
  const descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    const stats = fstatSync(descriptor, { bigint: true })
    if (!stats.isFile()) throw new UnreadableFile('it is not a regular file')
    const bytes = readUpTo(descriptor, MAX_FILE_BYTES + 1, Number(stats.size))
    if (bytes.length > MAX_FILE_BYTES) throw new UnreadableFile(`the file is larger than ${MAX_FILE_BYTES} bytes`)
    return { bytes, signature: isRacy(stats) ? undefined : signatureOf(stats) }
  } finally {
    closeSync(descriptor)
  }
}

function readUpTo(descriptor: number, limit: number, expected: number): Buffer {
  let buffer = Buffer.allocUnsafe(Math.min(limit, expected + 1))
  let length = 0
  for (;;) {
    const bytesRead = readSync(descriptor, buffer, length, buffer.length - length, null)
    length += bytesRead
    if (bytesRead === 0 || length === limit) return buffer.subarray(0, length)
    // One byte more than the size fitted: the file has grown since.
    if (length === buffer.length) buffer = Buffer.concat([buffer, Buffer.alloc(Math.min(limit - length, length))])
  }
}

function isRacy({ mtimeNs, ctimeNs, mtimeMs, ctimeMs }: BigIntStats): boolean {
  const isCoarse = mtimeNs % SECOND_NS === 0n && ctimeNs % SECOND_NS === 0n
  const age = Date.now() - Number(mtimeMs > ctimeMs ? mtimeMs : ctimeMs)
  return age < (isCoarse ? COARSE_TICK_MS : FINE_TICK_MS)
}
