import type { Json, JsonObject } from '../../contract.ts'
import { editDistance } from '../../core/edit-distance.ts'
import { isObject } from '../../core/json.ts'

/** The names that may stand in an object, and in the objects or lists of objects that some of them hold. */
export interface KnownNames {
  readonly names: ReadonlySet<string>
  readonly within?: Readonly<Record<string, ReadonlySet<string>>>
}

/**
 * One sentence for each property that nobody knows, most likely misspelt: `unknown property "KEY" is ignored; did you
 * mean "NAME"?` A leading underscore parks a property, and `comment` is a habit.
 */
export function unknownProperties(content: JsonObject, { names, within = {} }: KnownNames): string[] {
  const own = noticesIn(content, '', names)
  const inner = Object.entries(within).flatMap(([name, known]) => {
    const value: Json = content[name] ?? null
    if (isObject(value)) return noticesIn(value, `${name}.`, known)
    if (!Array.isArray(value)) return []
    return value.flatMap((one, index) => (isObject(one) ? noticesIn(one, `${name}.${index}.`, known) : []))
  })
  return [...own, ...inner]
}

function noticesIn(content: JsonObject, place: string, known: ReadonlySet<string>): string[] {
  const unknown = Object.keys(content).filter((name) => !known.has(name) && !name.startsWith('_') && name !== 'comment')
  return unknown.map((name) => {
    const meant = nearest(name, known)
    return `unknown property "${place}${name}" is ignored${meant === undefined ? '' : `; did you mean "${meant}"?`}`
  })
}

/** The name that `text` most likely stands for; undefined when none is near. */
export function nearest(text: string, names: Iterable<string>): string | undefined {
  const ranked = [...names]
    .map((name) => ({ name, distance: editDistance(text.toLowerCase(), name.toLowerCase()) }))
    .sort((left, right) => left.distance - right.distance)
  const [best] = ranked
  return best && best.distance <= MOST_EDITS ? best.name : undefined
}

const MOST_EDITS = 2
