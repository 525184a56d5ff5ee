/** `conf/authentication.json`: who may sign in, and how. */
import type { ConfigurationFault, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { noEffect, unknownMembers, z } from '../../core/schema.ts'
import { DEFAULT_MODULES, loginModules, loginModulesSchema, moduleNotices, NO_MODULES } from './login-modules.ts'
import { rsFilterSchema, staticUserMappingSchema } from './rs-filter-properties.ts'

const authentication = z.object({
  rsFilter: rsFilterSchema.optional(),
  /** Where Advanced Identity Cloud keeps the mappings of fixed subjects. */
  staticUserMapping: z.array(staticUserMappingSchema, 'must be an array of mappings').default([]),
  serverAuthContext: loginModulesSchema.optional(),
})

/** JSON pointers to what must have a value; any other expression may stay without. */
export const REQUIRED_IN_AUTHENTICATION = ['rsFilter', 'staticUserMapping']

export const authenticationSchema = authentication.transform(({ rsFilter, staticUserMapping, serverAuthContext }) => ({
  ...(rsFilter && {
    rsFilter: { ...rsFilter, staticUserMapping: [...rsFilter.staticUserMapping, ...staticUserMapping] },
  }),
  modules: serverAuthContext ? loginModules(serverAuthContext) : DEFAULT_MODULES,
}))

export type AuthenticationSettings = z.infer<typeof authenticationSchema>

/** In force while the rest of the file is broken. @param content null when it could not be read */
export function withoutTokens(content: unknown): AuthenticationSettings {
  const serverAuthContext = isObject(content) ? content.serverAuthContext : undefined
  if (serverAuthContext === undefined) return { modules: DEFAULT_MODULES }
  const { data } = loginModulesSchema.safeParse(serverAuthContext)
  return { modules: data ? loginModules(data) : NO_MODULES }
}

/** What has no effect here. */
export const authenticationNotices = (content: JsonObject): ConfigurationFault[] => [
  ...unknownMembers(content, authentication).map((name) => noEffect([name])),
  ...unknownMembers(content.rsFilter, rsFilterSchema).map((name) => noEffect(['rsFilter', name])),
  ...moduleNotices(content.serverAuthContext),
]
