import { evaluateExpression } from '../../config/values/substitution/expression.ts'
import type { FoundValue, TokenSource } from '../../config/values/substitution/value-sources.ts'
import type { Logger } from '../../contract.ts'
import { isSecretName, showsUserInfo } from '../../core/hidden-secrets.ts'
import { forbidden } from '../../crest/errors.ts'
import type { ServerProperties } from '../main/identity-server.ts'

/**
 * Whether a property is hidden from scripts unless `visibleProperties` of script.json lists it: environment variables,
 * names of secrets, secret files, addresses with credentials.
 */
export const isHiddenFromScripts = (name: string, found: FoundValue): boolean =>
  found.fromEnvironment === true || found.literal === true || isSecretName(name) || showsUserInfo(found.value)

/**
 * Properties for scripts. Reading a hidden one fails: the default value would be used unnoticed.
 * @param projectDir absolute
 */
export function serverProperties(
  projectDir: string,
  sources: TokenSource,
  visible: () => readonly string[],
  log: Logger,
): ServerProperties {
  const refused = new Set<string>()
  const refuse = (name: string): never => {
    const message = `the property ${name} is hidden from scripts: add it to "visibleProperties" in script.json`
    if (!refused.has(name)) log.warn({ property: name }, message)
    refused.add(name)
    throw forbidden(message)
  }
  const find = (name: string, skip?: number): FoundValue | undefined => {
    const found = sources.lookup(name, skip)
    if (!found || visible().includes(name) || !isHiddenFromScripts(name, found)) return found
    return refuse(name)
  }
  const guarded: TokenSource = { lookup: find, describe: () => 'properties visible to scripts' }
  return {
    property: (name, substitute) => {
      const found = find(name)
      if (!found || !substitute || found.literal) return found?.value
      return evaluateExpression(found.value, guarded)
    },
    locations: { install: projectDir, project: projectDir, working: projectDir },
  }
}
