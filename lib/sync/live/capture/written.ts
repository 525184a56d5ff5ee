import { readResourcePath } from '../../../crest/http/request-path.ts'
import { decodeValue, queryPairs } from '../../../crest/protocol/request-parameters.ts'
import { pathElements } from '../../../crest/protocol/resource-path.ts'

/** What a request may change in a collection. */
export type Written =
  /** The object with this id. */
  | { readonly kind: 'object'; readonly id: string; readonly action: 'update' | 'delete' }
  /** The object that the response names. */
  | { readonly kind: 'answer'; readonly action: 'create' | 'update' }
  /** Nobody can tell. */
  | { readonly kind: 'unknown' }

const UNKNOWN: Written = { kind: 'unknown' }

/**
 * What a request changes in a collection of its remote; empty = nothing. Where readers understand the path differently,
 * the objects are not known.
 * @param collection its decoded elements: `['managed', 'user']`
 * @param target path and query as they are sent, relative to the base path of the remote
 */
export function writtenIn(collection: readonly string[], method: string, target: string): readonly Written[] {
  const mark = target.indexOf('?')
  const path = readingsOf(mark < 0 ? target : target.slice(0, mark))
  if (!path) return [UNKNOWN]
  const strict = below(collection, path.strict)
  const loose = below(collection, path.loose)
  if (!strict) return loose ? [UNKNOWN] : []
  const written = writtenBelow(strict, method, mark < 0 ? '' : target.slice(mark + 1))
  // What follows the id makes no difference.
  const isPlain = loose?.length === strict.length && loose[0] === strict[0]
  return isPlain ? [written] : [written, UNKNOWN]
}

/** The elements after those of the collection; undefined when it is another one. */
const below = (collection: readonly string[], elements: readonly string[]): readonly string[] | undefined =>
  collection.every((element, index) => element === elements[index]) ? elements.slice(collection.length) : undefined

function writtenBelow([id, ...further]: readonly string[], method: string, query: string): Written {
  const action = method === 'POST' ? actionOf(query) : undefined
  if (id === undefined) {
    if (action === 'create') return { kind: 'answer', action: 'create' }
    return action === 'patch' ? { kind: 'answer', action: 'update' } : UNKNOWN
  }
  // Relationships, and whatever else belongs to one object.
  if (further.length > 0 || method === 'PUT' || method === 'PATCH' || action === 'patch')
    return { kind: 'object', id, action: 'update' }
  return method === 'DELETE' ? { kind: 'object', id, action: 'delete' } : UNKNOWN
}

/** The action of a POST, which creates without one; undefined when readers could understand it differently. */
function actionOf(query: string): string | undefined {
  try {
    const [first, ...others] = queryPairs(query).filter(({ name }) => name === '_action')
    if (others.length > 0) return undefined
    const action = first ? decodeValue(first) : 'create'
    return action.toLowerCase() === 'create' ? 'create' : action
  } catch {
    return undefined
  }
}

/** What a request path may mean, in decoded elements. */
interface Readings {
  /** Each element decoded once. */
  readonly strict: readonly string[]
  /** See `RequestPath`. */
  readonly loose: readonly string[]
}

/** Undefined when it cannot be read. What is not UTF-8 is read as something that matches no collection. */
function readingsOf(path: string): Readings | undefined {
  for (const text of [path, path.replace(/%[89a-f][\da-f]/gi, '%00')])
    try {
      return { strict: pathElements(text), loose: readResourcePath(text).loose.split('/') }
    } catch {
      // The next one.
    }
  return undefined
}
