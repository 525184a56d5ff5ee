import type { JsonObject } from '../contract.ts'
import { internalError, ResourceException } from '../crest/errors.ts'
import type { Script } from './condition.ts'
import { judge, type Verdict } from './decide-condition.ts'
import type { Mapping } from './mapping.ts'
import type { Scripts } from './scripts.ts'

/** Judges by `validSource` and `sourceCondition` whether each source takes part, for its kind of link. */
export async function qualifications(
  mapping: Mapping,
  tasks: readonly { readonly source: JsonObject; readonly linkQualifier: string }[],
  scripts: Scripts,
): Promise<Verdict[]> {
  const variables = tasks.map(({ source, linkQualifier }) => ({ source, linkQualifier }))
  const valid = await judge(scriptCondition(mapping.validSource), variables, scripts, 'validSource')
  const conditions = await judge(mapping.sourceCondition, variables, scripts, 'sourceCondition')
  return valid.map((verdict, index) => (verdict === true ? (conditions[index] ?? false) : verdict))
}

/** Judges by `validTarget`. */
export function targetValidity(
  mapping: Mapping,
  tasks: readonly { readonly target: JsonObject; readonly linkQualifier: string }[],
  scripts: Scripts,
): Promise<Verdict[]> {
  const variables = tasks.map(({ target, linkQualifier }) => ({ target, linkQualifier }))
  return judge(scriptCondition(mapping.validTarget), variables, scripts, 'validTarget')
}

const scriptCondition = (script: Script | undefined) => (script ? { script } : undefined)

/** The kinds of link of each source. */
export async function linkQualifiers(
  mapping: Mapping,
  sources: readonly JsonObject[],
  scripts: Scripts,
): Promise<(readonly string[] | ResourceException)[]> {
  const { linkQualifiers: configured, name } = mapping
  if (Array.isArray(configured)) return sources.map(() => configured as string[])
  const calls = sources.map((object) => ({ mapping: name, object, oldValue: null, returnAll: false }))
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
