import type { Json, JsonObject } from '../contract.ts'
import { ResourceException } from '../crest/errors.ts'
import { getAt, type Pointer, printPointer } from '../crest/pointer.ts'
import { setAt } from '../crest/write-at.ts'
import { copyJson } from '../util/copy-json.ts'
import { judge, type Verdict } from './decide-condition.ts'
import type { Property } from './mapping.ts'
import type { Scripts } from './scripts.ts'

/** One object to be mapped. */
export interface MappingTask {
  /** With `_id` and `_rev`. */
  readonly source: JsonObject
  /** What the properties are put onto: an empty object, or a copy of the target without `_id` and `_rev`. It is not changed. */
  readonly onto: JsonObject
  readonly linkQualifier: string
}

/**
 * Maps the properties, in their order, onto a copy of each task's target (40-sync.md, section 3): a condition that does
 * not hold leaves the field as it is; a value that is absent becomes the default or null.
 * @returns the mapped object, or why it could not be made
 */
export async function mapProperties(
  properties: readonly Property[],
  tasks: readonly MappingTask[],
  scripts: Scripts,
): Promise<(JsonObject | ResourceException)[]> {
  const results: (JsonObject | ResourceException)[] = tasks.map(({ onto }) => copyJson(onto))
  for (const property of properties) await applyProperty(property, tasks, results, scripts)
  return results
}

async function applyProperty(
  property: Property,
  tasks: readonly MappingTask[],
  results: (JsonObject | ResourceException)[],
  scripts: Scripts,
): Promise<void> {
  const holds = await conditions(property, tasks, results, scripts)
  const chosen = tasks.map((_, index) => index).filter((index) => holds[index] === true)
  const values = await valuesOf(
    property,
    chosen.flatMap((index) => tasks[index] ?? []),
    scripts,
  )
  for (const [index, verdict] of holds.entries()) if (verdict instanceof ResourceException) results[index] = verdict
  for (const [place, index] of chosen.entries()) put(results, index, property.target, values[place] ?? null)
}

async function conditions(
  { condition, target }: Property,
  tasks: readonly MappingTask[],
  results: readonly (JsonObject | ResourceException)[],
  scripts: Scripts,
): Promise<Verdict[]> {
  const isFine = (index: number): boolean => !(results[index] instanceof ResourceException)
  if (!condition) return tasks.map((_, index) => isFine(index))
  const open = tasks.map((_, index) => index).filter(isFine)
  const variables = open.map((index) => {
    const result = results[index]
    const task = tasks[index]
    const object = task?.source ?? {}
    const target = result instanceof ResourceException || result === undefined ? {} : result
    // As it was before the first property; who is mapped onto nothing has none.
    const oldTarget = task && Object.keys(task.onto).length > 0 ? task.onto : null
    return { object, target, oldTarget, oldSource: null, linkQualifier: task?.linkQualifier ?? '' }
  })
  const verdicts = await judge(condition, variables, scripts, `condition of the property ${printPointer(target)}`)
  const holds: Verdict[] = tasks.map(() => false)
  for (const [place, index] of open.entries()) holds[index] = verdicts[place] ?? false
  return holds
}

/** The values of one property: out of the source, transformed, or the default. */
export async function valuesOf(
  { source: pointer, transform, default: fallback }: Pick<Property, 'source' | 'transform' | 'default'>,
  tasks: readonly Pick<MappingTask, 'source' | 'linkQualifier'>[],
  scripts: Scripts,
): Promise<(Json | ResourceException)[]> {
  const values: Json[] = tasks.map(({ source }) => (pointer ? (getAt(source, pointer) ?? null) : null))
  if (!transform) return values.map((value) => value ?? fallback)
  const calls = tasks.map(({ linkQualifier }, index) => ({ source: values[index] ?? null, linkQualifier }))
  const results = calls.length === 0 ? [] : await scripts.runMany({ script: transform, calls })
  return results.map((result) => (result instanceof ResourceException ? result : (result.value ?? fallback)))
}

function put(
  results: (JsonObject | ResourceException)[],
  index: number,
  target: Pointer,
  value: Json | ResourceException,
): void {
  const result = results[index]
  if (!result || result instanceof ResourceException) return
  if (value instanceof ResourceException) results[index] = value
  else
    try {
      setAt(result, target, copyJson(value))
    } catch (error) {
      results[index] = error instanceof ResourceException ? error : new ResourceException(500, String(error))
    }
}
