/** The schema of `rsFilter` in `conf/authentication.json`, for bearer tokens of other servers. */

import { z } from '../../core/schema.ts'
import { Secret } from '../../core/secret.ts'
import { DURATION_FORMS, parseDuration } from '../../core/time/duration.ts'

const text = (what: string) => z.string(`must be ${what}`).min(1, `must be ${what}, found an empty string`)
const roles = z.array(text('a role'), 'must be an array of roles')
const localUser = z
  .string('must be a path such as "internal/user/idm-provisioning"')
  .regex(/^[^/]+\/[^/]+\/[^/]+$/, 'must be a path such as "internal/user/idm-provisioning"')

const isHttpUrl = (value: string): boolean =>
  URL.canParse(value) && ['https:', 'http:'].includes(new URL(value).protocol) && new URL(value).username === ''
const URL_FORM = 'must be the https:// or http:// URL of the introspection endpoint, without credentials'

const MAX_CACHE_MS = 3_600_000
const CACHE_FORM = `must be ${DURATION_FORMS}`
const maxTimeout = z
  .union([z.string(), z.number()], CACHE_FORM)
  .transform((value, context) => {
    const ms = parseDuration(value)
    if (ms !== undefined) return Math.min(ms, MAX_CACHE_MS)
    context.addIssue({ code: 'custom', message: CACHE_FORM })
    return z.NEVER
  })
  .prefault('60 seconds')

export const staticUserMappingSchema = z.object({ subject: text('the subject of a token'), localUser, roles })

const subjectMapping = z
  .object({
    queryOnResource: text('a collection such as "managed/user"').optional(),
    resourceTypeMapping: z.record(z.string(), text('a collection such as "managed/user"')).optional(),
    propertyMapping: z.object({ sub: text('the property that holds the subject') }).prefault({ sub: '_id' }),
    userRoles: text('the property that holds the roles').optional(),
    defaultRoles: roles.default([]),
  })
  .refine((mapping) => mapping.queryOnResource !== undefined || mapping.resourceTypeMapping !== undefined, {
    message: 'must have queryOnResource or resourceTypeMapping',
  })

export const rsFilterSchema = z.object({
  clientId: text("this gateway's own client id at the token server"),
  clientSecret: text("the secret of this gateway's own client").transform((value) => new Secret(value)),
  tokenIntrospectUrl: z.string(URL_FORM).refine(isHttpUrl, URL_FORM),
  scopes: z.array(text('a scope'), 'must be an array of scopes').default([]),
  cache: z.object({ maxTimeout }, 'must be an object {"maxTimeout"}').prefault({}),
  staticUserMapping: z.array(staticUserMappingSchema, 'must be an array of mappings').default([]),
  subjectMapping: z.array(subjectMapping, 'must be an array of mappings').default([]),
  anonymousUserMapping: z.object({ localUser, roles }).optional(),
})

export type RsFilterProperties = z.infer<typeof rsFilterSchema>
export type SubjectMapping = z.infer<typeof subjectMapping>
