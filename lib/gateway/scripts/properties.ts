import { evaluateExpression } from '../../config/values/substitution/expression.ts'
import type { FoundValue, TokenSource } from '../../config/values/substitution/value-sources.ts'
import type { Logger } from '../../contract.ts'
import { isSecretName, showsUserInfo } from '../../core/hidden-secrets.ts'
import { forbidden } from '../../crest/errors.ts'
import type { ServerProperties } from '../../script/main/identity-server.ts'
import type { Project } from '../project/project.ts'

/**
 * Whether scripts do not get a property unless "visibleProperties" of script.json names it: variables of the
 * environment, what has the name of a secret, secrets out of their own files, addresses with credentials in them.
 */
export const isHiddenFromScripts = (name: string, found: FoundValue): boolean =>
  found.fromEnvironment === true || found.literal === true || isSecretName(name) || showsUserInfo(found.value)

/**
 * What scripts learn of properties. A script that asks for a hidden one is told, rather than left with a default that
 * was not meant.
 */
export function serverProperties(
  project: Project,
  sources: TokenSource,
  visible: () => readonly string[],
  log: Logger,
): ServerProperties {
  const refused = new Set<string>()
  const refuse = (name: string): never => {
    const message = `scripts do not get the property ${name}: name it in "visibleProperties" of script.json`
    if (!refused.has(name)) log.warn({ property: name }, message)
    refused.add(name)
    throw forbidden(message)
  }
  const find = (name: string): FoundValue | undefined => {
    const found = sources.lookup(name)
    if (!found || visible().includes(name) || !isHiddenFromScripts(name, found)) return found
    return refuse(name)
  }
  const guarded: TokenSource = { lookup: find, describe: () => 'what scripts may see' }
  return {
    property: (name, substitute) => {
      const found = find(name)
      if (!found || !substitute || found.literal) return found?.value
      return evaluateExpression(found.value, guarded)
    },
    locations: { install: project.dir, project: project.dir, working: project.dir },
  }
}
