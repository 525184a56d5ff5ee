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

/** The link qualifiers of each source. */
export async function linkQualifiers(
  mapping: Mapping,
  sources: readonly Pick<CorrelationTask, 'source' | 'recorder'>[],
  scripts: Scripts,
): Promise<(readonly string[] | ResourceException)[]> {
  const { linkQualifiers: configured, name } = mapping
  if (Array.isArray(configured)) return sources.map(() => configured as string[])
  const calls = sources.map(({ source: object, recorder }) => ({
    variables: { mapping: name, object, oldValue: null, returnAll: false },
    recorder,
  }))
  return readLists(await scripts.runMany({ script: configured as Script, calls }))
}

const LIST_FORM = 'linkQualifiers: the script must yield a list of names'

const readLists = (results: Awaited<ReturnType<Scripts['runMany']>>): (string[] | ResourceException)[] =>
  results.map((result) => {
    if (result instanceof ResourceException) return result
    const { value } = result
    const isList = Array.isArray(value) && value.every((name) => typeof name === 'string' && name !== '')
    return isList ? (value as string[]) : internalError(LIST_FORM)
  })
