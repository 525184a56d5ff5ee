/** `serverAuthContext` of `conf/authentication.json`: which accounts may sign in with a password, and with what roles. */
import type { ConfigurationFault } from '../../contract.ts'
import { after } from '../../core/awaitable.ts'
import { isObject } from '../../core/json.ts'
import { z } from '../../core/schema.ts'
import { Secret } from '../../core/secret.ts'
import { ADMINISTRATOR, isReservedName } from './administrator.ts'
import type { PasswordStore, Verdict } from './password-store.ts'
import { StaticUser } from './static-user.ts'

const roles = z.array(z.string('must be a role'), 'must be an array of roles')
const flag = z
  .union([z.boolean(), z.enum(['true', 'false'])], 'must be true or false')
  .transform((value) => String(value) === 'true')

/** The password of an account has no effect when its expression has no value: null. */
const authModule = z.looseObject({
  name: z.string('must be the name of a module, such as "MANAGED_USER"'),
  enabled: flag.nullish().transform((value) => value ?? true),
  properties: z
    .looseObject({
      username: z.string().nullish(),
      password: z.unknown().optional(),
      queryOnResource: z.string().nullish(),
      defaultUserRoles: roles.nullish(),
    })
    .prefault({}),
})

export const loginModulesSchema = z.looseObject({
  authModules: z.array(authModule, 'must be an array of modules').nullish(),
})

type AuthModule = z.infer<typeof authModule>

/** By the id of the module: the roles that it gives; an account of a module that is not here cannot sign in. */
export interface LoginModules {
  readonly roles: ReadonlyMap<string, readonly string[]>
  /** Accounts of the file itself. */
  readonly users: readonly PasswordStore[]
}

const ANONYMOUS_ROLES = ['internal/role/openidm-reg']
const MANAGED_ROLES = ['internal/role/openidm-authorized']

/** In force while the file names no modules. */
export const DEFAULT_MODULES: LoginModules = {
  roles: new Map([
    ['anonymous', ANONYMOUS_ROLES],
    ['INTERNAL_USER', []],
    ['MANAGED_USER', MANAGED_ROLES],
  ]),
  users: [],
}

/** In force while the modules cannot be read. */
export const NO_MODULES: LoginModules = { roles: new Map(), users: [] }

/** The administrator is none of the modules: the password of that account comes from the environment. */
export function loginModules({ authModules }: z.infer<typeof loginModulesSchema>): LoginModules {
  if (!authModules) return DEFAULT_MODULES
  const found = new Map<string, readonly string[]>()
  const users: PasswordStore[] = []
  for (const module of authModules.filter(isUnderstood)) {
    const { username, password, defaultUserRoles } = module.properties
    const isStatic = module.name === 'STATIC_USER'
    const key = isStatic ? String(username) : module.name
    if (isStatic && !isReservedName(key) && typeof password === 'string')
      users.push(new StaticUser({ name: key, password: new Secret(password), roles: defaultUserRoles ?? [] }))
    else if (!found.has(key)) found.set(key, defaultUserRoles ?? DEFAULT_MODULES.roles.get(key) ?? [])
  }
  return { roles: found, users }
}

/** Where IDM keeps the accounts of a module; internal users were below `repo` until IDM 6. */
const COLLECTIONS: ReadonlyMap<string, readonly string[]> = new Map([
  ['STATIC_USER', ['internal/user', 'repo/internal/user']],
  ['INTERNAL_USER', ['internal/user', 'repo/internal/user']],
  ['MANAGED_USER', ['managed/user']],
])

const isUnderstood = ({ name, enabled, properties: { queryOnResource } }: AuthModule): boolean => {
  const collections = COLLECTIONS.get(name)
  return enabled && collections?.includes(queryOnResource ?? collections[0] ?? '') === true
}

/** A store under the rules of the modules: it gives their roles, and accounts of other modules are unknown. */
export const underModules = (store: PasswordStore, modules: () => LoginModules): PasswordStore => ({
  verify: (username, password) => after(store.verify(username, password), (verdict) => admitted(verdict, modules())),
})

function admitted(verdict: Verdict, { roles }: LoginModules): Verdict {
  if (typeof verdict !== 'object') return verdict
  const { authenticationId, authorization } = verdict
  const { moduleId } = authorization
  const isStatic = moduleId === 'STATIC_USER'
  if (isStatic && authenticationId === ADMINISTRATOR) return verdict
  const given = roles.get(isStatic ? authenticationId : String(moduleId))
  // A password was checked, which must not show.
  if (!given) return isStatic ? 'unknown' : 'wrong'
  // Internal users have roles of their own.
  const own = moduleId === 'INTERNAL_USER' ? authorization.roles : []
  return { ...verdict, authorization: { ...authorization, roles: [...new Set([...given, ...own])] } }
}

/** Members of a module whose effect is what this gateway does anyway, or that have the value of a fresh IDM. */
const EXPECTED: ReadonlyMap<string, (value: unknown) => boolean> = new Map<string, (value: unknown) => boolean>([
  ['username', () => true],
  ['password', () => true],
  ['queryOnResource', () => true],
  ['defaultUserRoles', () => true],
  ['queryId', () => true],
  ['propertyMapping', (value) => isObject(value) && ['username', 'userName'].includes(String(value.authenticationId))],
])

/** What of the modules has no effect here. */
export function moduleNotices(serverAuthContext: unknown): ConfigurationFault[] {
  if (!isObject(serverAuthContext)) return []
  const at = (...members: string[]) => ['serverAuthContext', ...members]
  const { sessionModule } = serverAuthContext
  const session = {
    pointer: at('sessionModule'),
    reason: 'there are no sessions: each request carries its credentials',
    cure: 'have clients send credentials or a token; nothing else is to be done',
  }
  const { authModules } = loginModulesSchema.parse(serverAuthContext)
  const modules = (authModules ?? []).flatMap((module, index) => {
    const place = at('authModules', `${index}`)
    return module.enabled
      ? noticesOf(module).map((notice) => ({ ...notice, pointer: [...place, ...notice.pointer] }))
      : []
  })
  const isOpen = authModules?.some(({ enabled, properties }) => enabled && properties.username === ADMINISTRATOR)
  const administrator = {
    pointer: at('authModules'),
    reason: `${ADMINISTRATOR} can sign in although no module names it`,
    cure: 'keep OPENIDM_ADMIN_PASSWORD secret: it is the password of that account',
  }
  return [...(sessionModule ? [session] : []), ...modules, ...(authModules && !isOpen ? [administrator] : [])]
}

function noticesOf(module: AuthModule): ConfigurationFault[] {
  const { name, properties } = module
  if (!isUnderstood(module)) {
    const reason = COLLECTIONS.has(name)
      ? `it grants no login: accounts of ${properties.queryOnResource} are not looked up here`
      : `it grants no login: there is no module ${name} here`
    return [{ pointer: [], reason, cure: 'use MANAGED_USER, INTERNAL_USER or rsFilter' }]
  }
  const others = Object.entries(properties).filter(([member, value]) => !EXPECTED.get(member)?.(value))
  const notices = others.map(([member]) => ({
    pointer: ['properties', member],
    reason: 'it has no effect here',
    cure: 'check that nothing depends on it',
  }))
  const isAccount = name === 'STATIC_USER' && !isReservedName(String(properties.username))
  if (!isAccount || typeof properties.password === 'string') return notices
  const reason = `${properties.username} cannot sign in: the password has no value, or is encrypted with another key`
  return [...notices, { pointer: ['properties', 'password'], reason, cure: 'set it again' }]
}
