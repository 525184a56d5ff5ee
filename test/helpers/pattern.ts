import { createHash } from 'node:crypto'

/** Prime, so that no buffer size hides bytes that are missing or doubled. */
const PERIOD = 251
const chunk = Buffer.from(Array.from({ length: PERIOD * 256 }, (_, index) => index % PERIOD))

/** `length` bytes of a known pattern, in chunks of about 64 KB; any size in constant memory. */
export function* patternChunks(length: number): Generator<Buffer> {
  for (let rest = length; rest > 0; rest -= chunk.length) yield chunk.subarray(0, Math.min(rest, chunk.length))
}

export const pattern = (length: number): Buffer => Buffer.concat([...patternChunks(length)])

/** The hexadecimal SHA-256 of `pattern(length)`. */
export function patternSha256(length: number): string {
  const hash = createHash('sha256')
  for (const part of patternChunks(length)) hash.update(part)
  return hash.digest('hex')
}
