import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { EffectiveRequest, Operation } from '../../crest/http/effective-request.ts'
import { decodeValue, type QueryPair } from '../../crest/protocol/request-parameters.ts'
import { canonicalName } from '../../crest/protocol/reserved-parameters.ts'
import { type AccessRule, accessSchema, type NameList } from './access-rules.ts'
import type { Identity } from './password-store.ts'

const ADMINISTRATOR = 'internal/role/openidm-admin'
const ADMINISTRATOR_RULE = { pattern: '*', roles: ADMINISTRATOR, methods: '*', actions: '*' }

/** In force without a `conf/access.json`. */
export const DEFAULT_RULES: JsonObject[] = [
  { pattern: 'info/*', roles: '*', methods: 'read' },
  { pattern: 'health', roles: '*', methods: 'read' },
  { pattern: 'health/live', roles: '*', methods: 'read' },
  { pattern: 'health/ready', roles: '*', methods: 'read' },
  // As in IDM's own file; no account has the role by default.
  { pattern: 'metrics/prometheus', roles: 'internal/role/openidm-prometheus', methods: 'read' },
  ADMINISTRATOR_RULE,
]

export const defaultAccess = (): readonly AccessRule[] => accessSchema.parse({ configs: DEFAULT_RULES }).configs

/** In force until `conf/access.json` is first valid: drops the rules with a fault. */
export function closedAccess(content: Json): readonly AccessRule[] {
  const given = isObject(content) && Array.isArray(content.configs) ? content.configs : []
  const good = given.filter((rule) => accessSchema.safeParse({ configs: [rule] }).success)
  return accessSchema.parse({ configs: [ADMINISTRATOR_RULE, ...good] }).configs
}

/**
 * Whether one rule permits `roles` every operation of the request under every reading of its path. There are no deny
 * rules.
 */
export function isAllowed(
  rules: readonly AccessRule[],
  roles: readonly string[],
  { path, operations, parameters = [] }: Judged,
  caller?: Identity,
): boolean {
  const allows = (reading: string): boolean =>
    operations.every((operation) =>
      rules.some(
        (rule) =>
          isFor(rule, roles) &&
          covers(rule, reading) &&
          permits(rule, operation) &&
          (!rule.customAuthz ||
            (caller !== undefined &&
              rule.customAuthz.grants({ path: reading, operation, parameters: byName(parameters), caller }))),
      ),
    )
  return allows(path.strict) && (path.loose === path.strict || allows(path.loose))
}

type Judged = Pick<EffectiveRequest, 'path' | 'operations'> & Partial<Pick<EffectiveRequest, 'parameters'>>

/** Readers may differ about a name that occurs twice. */
function byName(parameters: readonly QueryPair[]): ReadonlyMap<string, string> | undefined {
  const values = new Map(parameters.map((pair) => [canonicalName(pair.name), decodeValue(pair)]))
  return values.size === parameters.length ? values : undefined
}

const isFor = (rule: AccessRule, roles: readonly string[]): boolean =>
  rule.roles === '*' || roles.some((role) => includes(rule.roles, role))

const includes = (list: NameList, name: string): boolean => list === '*' || list.has(name)

const covers = (rule: AccessRule, path: string): boolean =>
  matchesPattern(rule.pattern, path) && !rule.excludePatterns.some((pattern) => matchesPattern(pattern, path))

const permits = ({ methods, actions }: AccessRule, { method, action }: Operation): boolean =>
  includes(methods, method) && (action === undefined || includes(actions, action))

/** `managed/*` matches everything below `managed`, but not `managed` itself. */
function matchesPattern(pattern: string, path: string): boolean {
  if (pattern === '*') return true
  if (!pattern.endsWith('/*')) return pattern === path
  const prefix = pattern.length - 1
  return path.length > prefix && path.startsWith(pattern.slice(0, prefix))
}
