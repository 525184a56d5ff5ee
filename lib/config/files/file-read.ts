import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'

export const MAX_FILE_BYTES = 4 * 1024 * 1024
/**
 * A file with a recent timestamp may change again within the same tick, so its signature is not reliable yet. Most file
 * systems tick in milliseconds; some in seconds (FAT: two), which shows in times without a fraction.
 */
const FINE_TICK_MS = 100
const COARSE_TICK_MS = 3000
const SECOND_NS = 1_000_000_000n

/** The path cannot contain configuration. The message is a sentence. */
export class UnreadableFile extends Error {}

export interface ReadFile {
  readonly bytes: Buffer
  readonly signature: string | undefined
}

/** Device, inode, size and times: a rename, a rewrite or a changed link modifies at least one. */
export const signatureOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string =>
  [dev, ino, size, mtimeNs, ctimeNs].join(':')

/**
 * Reads a regular file, following links.
 * @throws UnreadableFile if it is not a regular file or too large, or the file system's error
 */
export function readFileBounded(path: string): ReadFile {
  // Opening a named pipe would block until a writer opens it; with O_NONBLOCK it returns and is refused.
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
    // The file has grown since `fstat`.
    if (length === buffer.length) buffer = Buffer.concat([buffer, Buffer.alloc(Math.min(limit - length, length))])
  }
}

function isRacy({ mtimeNs, ctimeNs, mtimeMs, ctimeMs }: BigIntStats): boolean {
  const isCoarse = mtimeNs % SECOND_NS === 0n && ctimeNs % SECOND_NS === 0n
  const age = Date.now() - Number(mtimeMs > ctimeMs ? mtimeMs : ctimeMs)
  return age < (isCoarse ? COARSE_TICK_MS : FINE_TICK_MS)
}
