/** The schema of `conf/access.json`. */
import type { JsonObject } from '../../contract.ts'
import { unknownMembers, z } from '../../core/schema.ts'

const METHODS = ['create', 'read', 'update', 'delete', 'patch', 'action', 'query'] as const
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
    (list) => list === '*' || [...list].every((name) => METHODS.some((method) => method === name)),
    METHODS_FORM,
  ),
  actions: nameList('must be "*", a comma list of actions, or "" for none').prefault(''),
  excludePatterns: z
    .string('must be a comma list of patterns')
    .transform(split)
    .refine((patterns) => patterns.every(isPattern), `each pattern ${PATTERN_FORM}`)
    .prefault(''),
  customAuthz: z
    .undefined(
      'is not supported, and ignoring it would widen the rule. Remove the rule, or express it with pattern, roles, methods and actions',
    )
    .optional(),
})

/** Members without effect. Unknown members of a rule are faults. */
export const ignoredInAccess = (content: JsonObject): string[] => unknownMembers(content, accessSchema)

export const accessSchema = z.object({ configs: z.array(rule, 'must be an array of rules') })

export type AccessRule = z.infer<typeof rule>
/** A rule as written in the file. */
export type AccessRuleText = z.input<typeof rule>
