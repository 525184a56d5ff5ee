import type { Json, JsonObject } from '../../../contract.ts'
import { isObject } from '../../../core/json.ts'
import { coerce, wrapperOf } from './coercion.ts'
import { evaluateExpression } from './expression.ts'
import type { TokenSource } from './value-sources.ts'

const MAX_NESTING = 200

/**
 * Returns a copy with every expression resolved and every transformation (`{"$int":"&{port}"}`) applied. Member names
 * are not resolved.
 * @param file for messages
 * @throws Error for the user that names file, property, token and the sources that were searched; it quotes no value
 */
export function substitute(content: JsonObject, sources: TokenSource, file: string): JsonObject {
  const result = resolveValue(content, [], (text) => evaluateExpression(text, sources), file)
  if (!isObject(result))
    throw new Error(`${file}: must be an object, but its only transformation returns something else`)
  return result
}

type Evaluate = (text: string) => string

function resolveValue(value: Json, path: readonly string[], evaluate: Evaluate, file: string): Json {
  if (path.length > MAX_NESTING) throw new Error(`${file}: is nested deeper than ${MAX_NESTING}`)
  if (typeof value === 'string') return at(file, path, () => evaluate(value))
  if (Array.isArray(value)) return value.map((item, index) => resolveValue(item, [...path, `${index}`], evaluate, file))
  if (!isObject(value)) return value
  const members = Object.entries(value).map(
    ([name, member]) => [name, resolveValue(member, [...path, name], evaluate, file)] as const,
  )
  const wrapper = wrapperOf(value)
  // `fromEntries` defines members, so that none of them, whatever its name, reaches the prototype
  // (docs/pitfalls.md#prototype-pollution).
  if (wrapper === undefined) return Object.fromEntries(members)
  return at(file, path, () => coerce(wrapper, members[0]?.[1] ?? null))
}

/** Prefixes errors of `work` with file and property. */
export function at<T>(file: string, path: readonly string[], work: () => T): T {
  try {
    return work()
  } catch (error) {
    const place = path.length === 0 ? '' : ` ${path.join('.')}:`
    throw new Error(`${file}:${place} ${error instanceof Error ? error.message : 'cannot be resolved'}`)
  }
}
