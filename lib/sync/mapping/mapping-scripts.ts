import type { ScriptService } from '../../script/main/service.ts'
import type { Condition, Script } from './condition.ts'
import { HOOK_NAMES, type Mapping } from './mapping.ts'

/** Compiles scripts; absent in a host that runs none. */
export type Compiler = Pick<ScriptService, 'compileWhole'>

const OTHER_SCRIPTS = ['validSource', 'validTarget', 'correlationScript'] as const

/** The scripts of a mapping by their keys: `properties.0.transform`. */
export function mappingScripts(mapping: Mapping): [key: string, script: Script][] {
  const { linkQualifiers, correlationQuery, sourceCondition, properties, policies } = mapping
  const found: [string, Script | undefined][] = [
    ...[...HOOK_NAMES, ...OTHER_SCRIPTS].map((name) => [name, mapping[name]] as [string, Script | undefined]),
    ['linkQualifiers', Array.isArray(linkQualifiers) ? undefined : linkQualifiers],
    ['sourceCondition', scriptOf(sourceCondition)],
  ]
  for (const [qualifier, query] of correlationQuery)
    if ('script' in query) found.push([`correlationQuery (${qualifier})`, query.script])
  for (const [index, { transform, condition }] of properties.entries()) {
    found.push([`properties.${index}.transform`, transform])
    found.push([`properties.${index}.condition`, scriptOf(condition)])
  }
  for (const [index, { action, condition, postAction }] of policies.entries()) {
    found.push([`policies.${index}.action`, typeof action === 'string' ? undefined : action])
    found.push([`policies.${index}.condition`, scriptOf(condition)])
    found.push([`policies.${index}.postAction`, postAction])
  }
  return found.flatMap(([key, script]) => (script ? [[key, script]] : []))
}

const scriptOf = (condition: Condition | undefined): Script | undefined =>
  condition && 'script' in condition ? condition.script : undefined

/** The faults of the scripts of a mapping: one sentence each, with the key and, where known, the line. */
export async function scriptFaults(mapping: Mapping, compiler: Compiler | undefined): Promise<string[]> {
  if (!compiler) return []
  const judged = mappingScripts(mapping).map(async ([key, script]) => {
    try {
      await compiler.compileWhole(script, 'the script')
      return []
    } catch (error) {
      return [`${key}: ${(error as Error).message}`]
    }
  })
  return (await Promise.all(judged)).flat()
}
