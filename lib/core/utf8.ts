import { isUtf8 } from 'node:buffer'

/** The text of bytes that are UTF-8; undefined for all others, in which `toString` would replace what it cannot read. */
export const utf8Text = (bytes: Buffer): string | undefined => (isUtf8(bytes) ? bytes.toString('utf8') : undefined)
