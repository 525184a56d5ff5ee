import type { Json } from '../../contract.ts'
import { hideUserInfo, STARS } from '../../core/hidden-secrets.ts'
import { badRequest } from '../../crest/errors.ts'
import { type Pointer, printPointer } from '../../crest/pointer.ts'

const HIDDEN = `://${STARS}@`

/**
 * A text with the stored user info in place of the stars that a caller puts back in a URL, as long as what follows them
 * is the stored address.
 * @throws badRequest when nothing like it is stored
 */
export function withUserInfo(given: string, stored: Json | undefined, pointer: Pointer): string {
  if (!given.includes(HIDDEN)) return given
  const before = typeof stored === 'string' ? stored : ''
  if (given === hideUserInfo(before)) return before
  const urls = new Map([...before.matchAll(/:\/\/[^\s"'<>]+/g)].map(([url]) => [hideUserInfo(url), url] as const))
  return given.replace(/:\/\/[^\s"'<>]+/g, (url) => {
    const known = urls.get(url) ?? (url.includes(HIDDEN) ? undefined : url)
    if (known !== undefined) return known
    throw badRequest(
      `${printPointer(pointer)}: the user name and password of the URL have to be given: stars stand only for what is stored with the same address`,
    )
  })
}
