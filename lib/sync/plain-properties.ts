import type { JsonObject } from '../contract.ts'
import { ResourceException } from '../crest/errors.ts'
import { getAt, type Pointer } from '../crest/pointer.ts'
import { setAt } from '../crest/write-at.ts'
import { copyJson } from '../util/copy-json.ts'
import { isSame } from './difference.ts'
import type { Mapping, Property } from './mapping.ts'

/**
 * The properties of a mapping that are copied as they stand, without script or condition. Whether they would change a
 * target can be seen without mapping anything, which is all there is to do about most objects of most runs.
 */
export class PlainProperties {
  readonly #properties: readonly Property[]

  private constructor(properties: readonly Property[]) {
    this.#properties = properties
  }

  /** undefined when a property is not plain, or one of them writes over another. */
  static of({ properties }: Mapping): PlainProperties | undefined {
    const isPlain = ({ transform, condition, target }: Property): boolean =>
      !transform && !condition && target.length > 0 && !IDENTITY.has(target[0] ?? '')
    const overlap = properties.some(({ target }, index) =>
      properties.some((other, place) => place !== index && isPrefix(target, other.target)),
    )
    return properties.every(isPlain) && !overlap ? new PlainProperties(properties) : undefined
  }

  /** What `mapProperties` makes of it, without waiting. @param onto is not changed */
  map(source: JsonObject, onto: JsonObject): JsonObject | ResourceException {
    const mapped = copyJson(onto)
    try {
      for (const { source: from, target: to, default: fallback } of this.#properties) {
        const value = copyJson((from ? getAt(source, from) : null) ?? fallback)
        const [name] = to
        if (to.length === 1 && name !== undefined) mapped[name] = value
        else setAt(mapped, to, value)
      }
      return mapped
    } catch (error) {
      return error instanceof ResourceException ? error : new ResourceException(500, String(error))
    }
  }

  /** Whether mapping `source` onto `target` would surely leave it as it is; false = mapping it tells. */
  leaves(target: JsonObject, source: JsonObject): boolean {
    return this.#properties.every(({ source: from, target: to, default: fallback }) => {
      const wanted = (from ? getAt(source, from) : null) ?? fallback
      const found = getAt(target, to) ?? null
      // Whether the parents of what is absent can be made, and count as a change, mapping tells.
      if (to.length > 1 && (found === null || wanted === null)) return false
      return isSame(found, wanted)
    })
  }
}

/** Another `_id` is a fault that mapping finds. */
const IDENTITY: ReadonlySet<string> = new Set(['_id', '_rev'])

const isPrefix = (short: Pointer, long: Pointer): boolean => short.every((name, index) => long[index] === name)
