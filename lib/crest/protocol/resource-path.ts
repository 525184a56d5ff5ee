import { badRequest } from '../errors.ts'

/**
 * The decoded elements of a resource path. One slash at either end is ignored; an escaped slash belongs to its element.
 * @throws badRequest for an empty element or a malformed escape
 */
export const pathElements = (path: string): string[] => splitPath(path).map(decodeElement)

/** The canonical form of a path: no slashes at its ends, and each element percent-encoded in the same way. */
export const normalizePath = (path: string): string => pathFrom(pathElements(path))

export const pathFrom = (elements: readonly string[]): string => elements.map(encodeURIComponent).join('/')

/** `collection/id`, with the id percent-encoded; the collection may be empty. */
export const childPath = (collection: string, id: string): string =>
  collection === '' ? encodeURIComponent(id) : `${collection}/${encodeURIComponent(id)}`

/** The elements without decoding. */
export function splitPath(path: string): string[] {
  const elements = path.split('/')
  if (elements[0] === '') elements.shift()
  if (elements.at(-1) === '') elements.pop()
  if (elements.includes('')) throw badRequest(`Resource path '${path}' contains empty path elements`)
  return elements
}

function decodeElement(element: string): string {
  if (!element.includes('%')) return element
  try {
    return decodeURIComponent(element)
  } catch {
    throw badRequest(`Resource path element '${element}' is not percent-encoded UTF-8`)
  }
}
