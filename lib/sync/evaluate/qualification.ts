import type { JsonObject } from '../../contract.ts'
import { internalError, ResourceException } from '../../crest/errors.ts'
import type { Script } from '../mapping/condition.ts'
import type { Mapping } from '../mapping/mapping.ts'
import type { ScriptCall, Scripts } from '../mapping/scripts.ts'
import { type CorrelationTask, callOf } from './correlation.ts'
import { judge, type Verdict } from './decide-condition.ts'

/** Evaluates `validSource` and `sourceCondition` for each source and link qualifier. */
export async function qualifications(
  mapping: Mapping,
  tasks: readonly CorrelationTask[],
  scripts: Scripts,
): Promise<Verdict[]> {
  const calls = tasks.map(callOf)
  const valid = await judge(scriptCondition(mapping.validSource), calls, scripts, 'validSource')
  const conditions = await judge(mapping.sourceCondition, calls, scripts, 'sourceCondition')
  return valid.map((verdict, index) => (verdict === true ? (conditions[index] ?? false) : verdict))
}

/** Evaluates `validTarget`, whose variables are `target` and `linkQualifier`. */
export function targetValidity(mapping: Mapping, calls: readonly ScriptCall[], scripts: Scripts): Promise<Verdict[]> {
  return judge(scriptCondition(mapping.validTarget), calls, scripts, 'validTarget')
}

const scriptCondition = (script: Script | undefined) => (script ? { script } : undefined)

/**
 * The link qualifiers of each source.
 * @param oldValue the source before the change that is carried over; null = none, or not known
 */
export async function linkQualifiers(
  mapping: Mapping,
  sources: readonly Pick<CorrelationTask, 'source' | 'recorder'>[],
  scripts: Scripts,
  oldValue: JsonObject | null = null,
): Promise<(readonly string[] | ResourceException)[]> {
  const { linkQualifiers: configured, name } = mapping
  if (Array.isArray(configured)) return sources.map(() => configured as string[])
  const calls = sources.map(({ source: object, recorder }) => ({
    variables: { mapping: name, object, oldValue, returnAll: false },
    recorder,
  }))
  return readLists(await scripts.runMany({ script: configured as Script, calls }))
}

/** All link qualifiers that there are, for a source that is gone. @throws ResourceException when they are not known */
export async function allLinkQualifiers(
  { linkQualifiers: configured, name }: Mapping,
  scripts: Scripts,
  oldValue: JsonObject | null,
): Promise<readonly string[]> {
  if (Array.isArray(configured)) return configured as string[]
  const variables = { mapping: name, object: null, oldValue, returnAll: true }
  const [names = []] = readLists(await scripts.runMany({ script: configured as Script, calls: [{ variables }] }))
  if (names instanceof ResourceException) throw names
  return names
}

const LIST_FORM = 'linkQualifiers: the script must yield a list of names'

const readLists = (results: Awaited<ReturnType<Scripts['runMany']>>): (string[] | ResourceException)[] =>
  results.map((result) => {
    if (result instanceof ResourceException) return result
    const { value } = result
    const isList = Array.isArray(value) && value.every((name) => typeof name === 'string' && name !== '')
    return isList ? (value as string[]) : internalError(LIST_FORM)
  })
