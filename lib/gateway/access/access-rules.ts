/** The schema of `conf/access.json`. */
import type { ConfigurationFault, JsonObject } from '../../contract.ts'
import { noEffect, unknownMembers, z } from '../../core/schema.ts'
import { NEEDS_BODY, parseCustomAuthz } from './custom-authz.ts'

const METHODS = ['create', 'read', 'update', 'delete', 'patch', 'action', 'query'] as const
/** Of IDM, for requests to connectors. It grants nothing here. */
const SCRIPT_METHOD = 'script'
const METHODS_FORM = `must be "*" or a comma list of ${METHODS.join(', ')}`

/** A comma-separated list as a set; `*` = everything, an empty string = nothing. */
export type NameList = '*' | ReadonlySet<string>

const split = (text: string): string[] =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')

const toNameList = (text: string): NameList => (split(text).includes('*') ? '*' : new Set(split(text)))

const nameList = (form: string) => z.string(form).transform(toNameList)

const isPattern = (text: string): boolean => text === '*' || /^[^*\s/]+(?:\/[^*\s/]+)*(?:\/\*)?$/.test(text)
const PATTERN_FORM = 'must be a path such as "managed/user", a path with "/*" at its end, or "*"'

/** Unknown members are faults, unlike elsewhere: ignoring an unknown restriction would widen the rule. */
const rule = z.strictObject({
  pattern: z.string(PATTERN_FORM).refine(isPattern, PATTERN_FORM),
  roles: nameList('must be "*" or a comma list of roles'),
  methods: nameList(METHODS_FORM).refine(
    (list) =>
      list === '*' || [...list].every((name) => name === SCRIPT_METHOD || METHODS.some((method) => method === name)),
    METHODS_FORM,
  ),
  actions: nameList('must be "*", a comma list of actions, or "" for none').prefault(''),
  excludePatterns: z
    .string('must be a comma list of patterns')
    .transform(split)
    .refine((patterns) => patterns.every(isPattern), `each pattern ${PATTERN_FORM}`)
    .prefault(''),
  customAuthz: z
    .string('must be an expression, such as "ownDataOnly()"')
    .transform((text, context) => {
      try {
        return parseCustomAuthz(text)
      } catch (error) {
        context.addIssue({ code: 'custom', message: `is no expression: ${(error as Error).message}` })
        return z.NEVER
      }
    })
    .optional(),
})

export const accessSchema = z.object({ configs: z.array(rule, 'must be an array of rules') })

export type AccessRule = z.infer<typeof rule>
/** A rule as written in the file. */
export type AccessRuleText = z.input<typeof rule>

const REWRITE = 'say what it means with pattern, roles, methods and actions, or take it out'

/** What has no effect here. Unknown members of a rule are faults. */
export function accessNotices(content: JsonObject): ConfigurationFault[] {
  const unknown = unknownMembers(content, accessSchema).map((name) => noEffect([name]))
  const { configs } = accessSchema.parse(content)
  const rules = configs.flatMap(({ methods, customAuthz }, index): ConfigurationFault[] => {
    const at = (member: string) => ['configs', `${index}`, member]
    const text = (content.configs as JsonObject[])[index]?.customAuthz
    const isScript = methods !== '*' && methods.has(SCRIPT_METHOD)
    const script = isScript ? [{ ...noEffect(at('methods')), reason: 'the method "script" does not exist here' }] : []
    if (!customAuthz) return script
    const parts = customAuthz.unknown.join(', ')
    if (parts !== '')
      return [
        ...script,
        { pointer: at('customAuthz'), reason: `the rule grants nothing: ${parts} is not known here`, cure: REWRITE },
      ]
    const [needing] = NEEDS_BODY.exec(String(text)) ?? []
    if (needing === undefined) return script
    const reason = `the rule grants no request that writes: ${needing}() depends on the body, which access does not see`
    return [...script, { pointer: at('customAuthz'), reason, cure: REWRITE }]
  })
  return [...unknown, ...rules]
}
