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
 * @param isOptional whether null stands for a property that cannot be resolved
 * @throws Error for the user that names file, property, token and the sources that were searched; it quotes no value
 */
export function substitute(
  content: JsonObject,
  sources: TokenSource,
  file: string,
  isOptional: IsOptional = () => false,
): JsonObject {
  const resolver = { evaluate: (text: string) => evaluateExpression(text, sources), file, isOptional }
  const result = resolveValue(content, [], resolver)
  if (!isObject(result))
    throw new Error(`${file}: must be an object, but its only transformation returns something else`)
  return result
}

export type IsOptional = (path: readonly string[]) => boolean

interface Resolver {
  readonly evaluate: (text: string) => string
  readonly file: string
  readonly isOptional: IsOptional
}

function resolveValue(value: Json, path: readonly string[], resolver: Resolver): Json {
  const { evaluate, file, isOptional } = resolver
  if (path.length > MAX_NESTING) throw new Error(`${file}: is nested deeper than ${MAX_NESTING}`)
  if (typeof value === 'string') return at(file, path, () => evaluate(value), isOptional)
  if (Array.isArray(value)) return value.map((item, index) => resolveValue(item, [...path, `${index}`], resolver))
  if (!isObject(value)) return value
  const members = Object.entries(value).map(
    ([name, member]) => [name, resolveValue(member, [...path, name], resolver)] as const,
  )
  const wrapper = wrapperOf(value)
  // `fromEntries` defines members, so that none of them, whatever its name, reaches the prototype
  // (docs/pitfalls.md#prototype-pollution).
  if (wrapper === undefined) return Object.fromEntries(members)
  return at(file, path, () => coerce(wrapper, members[0]?.[1] ?? null), isOptional)
}

/** Prefixes errors of `work` with file and property. @returns null in place of an error of an optional property */
export function at(file: string, path: readonly string[], work: () => Json, isOptional?: IsOptional): Json {
  try {
    return work()
  } catch (error) {
    if (isOptional?.(path)) return null
    const place = path.length === 0 ? '' : ` ${path.join('.')}:`
    throw new Error(`${file}:${place} ${error instanceof Error ? error.message : 'cannot be resolved'}`)
  }
}
