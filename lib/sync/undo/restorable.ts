import { isEncrypted, isHashed } from '../../config/values/crypto/crypto.ts'
import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { printPointer } from '../../crest/pointer.ts'
import { isReference } from '../evaluate/difference.ts'
import { edgesOf, isConditional } from '../relationships/edges.ts'

export interface Restorable {
  /** What an object that is created again is given, without its id. */
  readonly content: JsonObject
  /** Fields that cannot come back, as `differences` prints them. */
  readonly lost: readonly string[]
}

/** What of a deleted object can be created again: not what the target hides, computes or encrypts. */
export function restorable(
  object: JsonObject,
  { hidden, computed }: { readonly hidden: ReadonlySet<string>; readonly computed: ReadonlySet<string> },
): Restorable {
  const content: JsonObject = {}
  const lost = new Set([...hidden].filter((name) => object[name] === undefined))
  for (const [name, value] of Object.entries(object)) {
    if (name.startsWith('_') || computed.has(name) || value === undefined) continue
    if (isSealed(value)) lost.add(name)
    else content[name] = bare(value, true)
  }
  return { content, lost: [...lost].sort().map((name) => printPointer([name])) }
}

/** Values that only the target can read. */
export const isSealed = (value: Json): boolean => isEncrypted(value) || isHashed(value)

/**
 * A value as it can be written: references without what identifies their edges.
 * @param asNew without the edges that the target makes itself
 */
export function bare(value: Json, asNew = false): Json {
  if (Array.isArray(value)) return value.filter((one) => !asNew || !isGranted(one)).map((one) => bare(one))
  if (!isObject(value) || !isReference(value)) return value
  const { _ref = null, _refProperties } = value
  const own = Object.entries(isObject(_refProperties) ? _refProperties : {}).filter(([name]) => !IDENTITY.has(name))
  return own.length === 0 ? { _ref } : { _ref, _refProperties: Object.fromEntries(own) }
}

const IDENTITY: ReadonlySet<string> = new Set(['_id', '_rev'])

const isGranted = (value: Json): boolean => edgesOf(value)?.some(isConditional) ?? false
