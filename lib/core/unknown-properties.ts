import type { Json, JsonObject } from '../contract.ts'
import { isObject } from './json.ts'

/** The names of an object's properties, and of those within the objects or lists of objects that some of them hold. */
export interface KnownNames {
  readonly names: ReadonlySet<string>
  readonly within?: Readonly<Record<string, ReadonlySet<string>>>
}

export interface UnknownProperty {
  /** `NAME`, `OUTER.NAME` or `OUTER.INDEX.NAME`. */
  readonly path: string
  /** The known name that was probably meant. */
  readonly meant: string | undefined
}

/** Properties that have no effect. A leading underscore disables a property on purpose, as does the name `comment`. */
export const unknownNames = (content: JsonObject, known: ReadonlySet<string>): string[] =>
  Object.keys(content).filter((name) => !known.has(name) && !name.startsWith('_') && name !== 'comment')

/** The unknown properties of an object and of what `within` names. */
export function unknownProperties(content: JsonObject, { names, within = {} }: KnownNames): UnknownProperty[] {
  const inner = Object.entries(within).flatMap(([name, known]) => {
    const value: Json = content[name] ?? null
    if (isObject(value)) return unknownIn(value, `${name}.`, known)
    if (!Array.isArray(value)) return []
    return value.flatMap((one, index) => (isObject(one) ? unknownIn(one, `${name}.${index}.`, known) : []))
  })
  return [...unknownIn(content, '', names), ...inner]
}

const unknownIn = (content: JsonObject, place: string, known: ReadonlySet<string>): UnknownProperty[] =>
  unknownNames(content, known).map((name) => ({ path: place + name, meant: nearest(name, known) }))

/** `unknown property "PATH" is ignored; did you mean "NAME"?` */
export const unknownNotice = ({ path, meant }: UnknownProperty): string =>
  `unknown property "${path}" is ignored${meant === undefined ? '' : `; did you mean "${meant}"?`}`

/** The name that differs least from `text`; undefined when all differ too much for a typing error. */
export function nearest(text: string, names: Iterable<string>): string | undefined {
  let [best, least]: [string | undefined, number] = [undefined, MAX_EDITS + 1]
  for (const name of names) {
    const distance = editDistance(text.toLowerCase(), name.toLowerCase())
    if (distance < least) [best, least] = [name, distance]
  }
  return best
}

const MAX_EDITS = 2

/** The Damerau-Levenshtein distance: two swapped neighbours count as one edit. */
export function editDistance(a: string, b: string): number {
  let before: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min((row[j - 1] ?? 0) + 1, (previous[j] ?? 0) + 1, (previous[j - 1] ?? 0) + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (before[j - 2] ?? 0) + 1)
      row.push(best)
    }
    before = previous
    previous = row
  }
  return previous[b.length] ?? a.length
}
