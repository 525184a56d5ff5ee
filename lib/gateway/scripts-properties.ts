import { evaluateExpression } from '../config/substitution-expression.ts'
import type { FoundValue, TokenSource } from '../config/value-sources.ts'
import type { Logger } from '../contract.ts'
import type { ServerProperties } from '../script/identity-server.ts'
import { isSecretName } from '../util/hidden-secrets.ts'
import type { Project } from './project.ts'

/** `https://user:password@host`. */
const CREDENTIALS_IN_URL = /:\/\/[^/\s:@]*:[^/\s@]+@/

/**
 * What scripts learn of properties: no secret out of its own file, nothing that has the name of a secret, no address
 * with credentials in it, unless `visible` names it.
 */
export function serverProperties(
  project: Project,
  sources: TokenSource,
  visible: () => readonly string[],
  log: Logger,
): ServerProperties {
  const refused = new Set<string>()
  const refuse = (name: string): undefined => {
    if (!refused.has(name)) {
      log.warn(
        { property: name },
        `scripts do not get the property ${name}: name it in "visibleProperties" of script.json`,
      )
    }
    refused.add(name)
    return undefined
  }
  const find = (name: string): FoundValue | undefined => {
    const found = sources.lookup(name)
    if (!found || visible().includes(name)) return found
    const isSecret = found.literal || isSecretName(name) || CREDENTIALS_IN_URL.test(found.value)
    return isSecret ? refuse(name) : found
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
