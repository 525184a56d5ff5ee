import type { Json, JsonObject } from '../../contract.ts'
import { copyJson } from '../../core/json.ts'
import { ResourceException, toResourceException } from '../../crest/errors.ts'
import { getAt, type Pointer } from '../../crest/pointer.ts'
import type { WriteRecorder } from '../../crest/protocol/recorder.ts'
import { setAt } from '../../crest/protocol/write-at.ts'
import { isRelationship, type Mapping, type Property } from '../mapping/mapping.ts'
import type { Scripts } from '../mapping/scripts.ts'
import { judgeProperty, type Verdict } from './decide-condition.ts'
import { isSame } from './difference.ts'

/** A source object to map. */
export interface MappingTask {
  /** With `_id` and `_rev`. */
  readonly source: JsonObject
  /** What the properties are mapped onto: an empty object, or the target without `_id` and `_rev`. It is not changed. */
  readonly onto: JsonObject
  readonly linkQualifier: string
  /** Records the writes of scripts; undefined = they are executed. */
  readonly recorder?: WriteRecorder | undefined
}

export type Mapped = JsonObject | ResourceException

/** Maps the properties of sources onto targets, all but relationships. */
export class Mapper {
  readonly #properties: readonly Property[]
  readonly #scripts: Scripts
  readonly #isPlain: boolean
  readonly #oldSource: JsonObject | null

  /** @param oldSource the source before the change that is carried over; null = none, or not known */
  constructor({ properties }: Pick<Mapping, 'properties'>, scripts: Scripts, oldSource: JsonObject | null = null) {
    this.#properties = properties.filter((property) => !isRelationship(property))
    this.#scripts = scripts
    this.#oldSource = oldSource
    this.#isPlain = this.#properties.every(isPlain) && !overlaps(this.#properties)
  }

  /** Whether the mapping runs a script: then the result is kept, so that it runs once. */
  get runsScripts(): boolean {
    return this.#properties.some(({ transform, condition }) => transform || (condition && 'script' in condition))
  }

  /**
   * Maps the properties in their order onto a copy of `onto`. A condition that does not hold leaves the field unchanged;
   * an absent value becomes the default or null.
   * @returns the mapped object, or why there is none
   */
  async map(tasks: readonly MappingTask[]): Promise<Mapped[]> {
    const results: Mapped[] = tasks.map(({ onto }) => copyJson(onto))
    for (const property of this.#properties) await this.#apply(property, tasks, results)
    return results
  }

  /**
   * A fast check whether mapping `source` onto `target` changes nothing, which is true of most objects of most runs.
   * false = unknown: map to find out.
   */
  leaves(target: JsonObject, source: JsonObject): boolean {
    return (
      this.#isPlain &&
      this.#properties.every(({ source: from, target: to, default: fallback }) => {
        const wanted = (from ? getAt(source, from) : null) ?? fallback
        const found = getAt(target, to) ?? null
        // Whether missing parents can be created, and whether that is a change, only mapping can tell.
        if (to.length > 1 && (found === null || wanted === null)) return false
        return isSame(found, wanted)
      })
    )
  }

  async #apply(property: Property, tasks: readonly MappingTask[], results: Mapped[]): Promise<void> {
    const { condition, transform, target } = property
    const verdicts = condition ? await this.#conditions(property, tasks, results) : undefined
    const chosen: number[] = []
    for (const [index, result] of results.entries()) {
      const verdict = verdicts?.[index] ?? true
      if (result instanceof ResourceException) continue
      if (verdict instanceof ResourceException) results[index] = verdict
      else if (verdict) chosen.push(index)
    }
    const chosenTasks = chosen.flatMap((index) => tasks[index] ?? [])
    const values = transform ? await valuesOf(property, chosenTasks, this.#scripts) : plainValues(property, chosenTasks)
    for (const [place, index] of chosen.entries()) put(results, index, target, values[place] ?? null)
  }

  async #conditions(
    { condition }: Property,
    tasks: readonly MappingTask[],
    results: readonly Mapped[],
  ): Promise<Verdict[]> {
    const open = [...results.keys()].filter((index) => !(results[index] instanceof ResourceException))
    const calls = open.map((index) => {
      const { source = {}, onto = {}, linkQualifier = '', recorder } = tasks[index] ?? {}
      // The target before the first property; null for a new target.
      const oldTarget = Object.keys(onto).length > 0 ? onto : null
      const target = results[index] as JsonObject
      const oldSource = this.#oldSource
      return { variables: { object: source, target, oldTarget, oldSource, linkQualifier }, recorder }
    })
    const verdicts = await judgeProperty(condition, calls, this.#scripts)
    const all: Verdict[] = results.map(() => false)
    for (const [place, index] of open.entries()) all[index] = verdicts[place] ?? false
    return all
  }
}

/** The values of one property: from the source, transformed, or the default. */
export async function valuesOf(
  property: Pick<Property, 'source' | 'transform' | 'default'>,
  tasks: readonly Pick<MappingTask, 'source' | 'linkQualifier' | 'recorder'>[],
  scripts: Scripts,
): Promise<(Json | ResourceException)[]> {
  const { source: pointer, transform, default: fallback } = property
  if (!transform) return plainValues(property, tasks)
  const calls = tasks.map(({ source, linkQualifier, recorder }) => ({
    variables: { source: valueAt(source, pointer), linkQualifier },
    recorder,
  }))
  const results = calls.length === 0 ? [] : await scripts.runMany({ script: transform, calls })
  return results.map((result) => (result instanceof ResourceException ? result : (result.value ?? fallback)))
}

const plainValues = (
  { source: pointer, default: fallback }: Pick<Property, 'source' | 'default'>,
  tasks: readonly Pick<MappingTask, 'source'>[],
): Json[] => tasks.map(({ source }) => valueAt(source, pointer) ?? fallback)

const valueAt = (source: JsonObject, pointer: Pointer | undefined): Json =>
  pointer ? (getAt(source, pointer) ?? null) : null

function put(results: Mapped[], index: number, target: Pointer, value: Json | ResourceException): void {
  const result = results[index]
  if (!result || result instanceof ResourceException) return
  if (value instanceof ResourceException) results[index] = value
  else
    try {
      setAt(result, target, copyJson(value))
    } catch (error) {
      results[index] = toResourceException(error)
    }
}

/** Whether a property only copies a value. A changed `_id` is an error that only mapping detects. */
const isPlain = ({ transform, condition, target }: Property): boolean =>
  !transform && !condition && target.length > 0 && target[0] !== '_id' && target[0] !== '_rev'

const overlaps = (properties: readonly Property[]): boolean =>
  properties.some(({ target }, index) =>
    properties.some((other, place) => place !== index && isPrefix(target, other.target)),
  )

/** Whether the first field is equal to the second, or contains it. */
export const isPrefix = (short: Pointer, long: Pointer): boolean => short.every((name, index) => long[index] === name)
