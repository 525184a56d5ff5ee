import { isUtf8 } from 'node:buffer'

/** The text of UTF-8 bytes; undefined for invalid bytes, which `toString` would replace. */
export const utf8Text = (bytes: Buffer): string | undefined => (isUtf8(bytes) ? bytes.toString('utf8') : undefined)
