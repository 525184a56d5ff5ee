import type { JsonObject } from '../../contract.ts'
import { isReservedName } from './administrator.ts'
import { type Identity, identity } from './password-store.ts'
import { rolesIn } from './roles.ts'
import type { SubjectMapping } from './rs-filter-properties.ts'
import { subjectsOf, type TokenClaims, typedSubject } from './token-subject.ts'

/** Finds the single object of `collection` whose `property` equals `value`. */
export type FindUser = (collection: string, property: string, value: string) => Promise<JsonObject | undefined>

/** The stored user of a token, from the first mapping that finds one. */
export async function storedUser(
  mappings: readonly SubjectMapping[],
  claims: TokenClaims,
  findUser: FindUser,
): Promise<Identity | undefined> {
  const { subject } = claims
  // A subject that is not accepted must not find a stored user either.
  if (subject === undefined || !subjectsOf(claims).includes(subject)) return undefined
  for (const mapping of mappings) {
    const target = targetOf(mapping, subject)
    const user = target && (await findUser(target.collection, mapping.propertyMapping.sub, target.name))
    if (target && user && !isImpostor(user, target.collection)) return identityOf(user, target.collection, mapping)
  }
  return undefined
}

/** Whether a managed user has the name of a built-in account, which scripts and logs would confuse. */
const isImpostor = ({ userName }: JsonObject, component: string): boolean =>
  component !== 'internal/user' && typeof userName === 'string' && isReservedName(userName)

/** With `resourceTypeMapping`, the subject contains its type, and only mapped types are searched. */
function targetOf(mapping: SubjectMapping, subject: string): { collection: string; name: string } | undefined {
  const typed = typedSubject(subject)
  if (!mapping.resourceTypeMapping) {
    return mapping.queryOnResource && !typed ? { collection: mapping.queryOnResource, name: subject } : undefined
  }
  const collection = typed && new Map(Object.entries(mapping.resourceTypeMapping)).get(typed.type)
  return typed && collection !== undefined ? { collection, name: typed.name } : undefined
}

function identityOf(user: JsonObject, component: string, { userRoles, defaultRoles }: SubjectMapping): Identity {
  const id = String(user._id)
  const own = userRoles === undefined ? [] : rolesIn(user[userRoles.replace(/\/\*$/, '')])
  const authenticationId = typeof user.userName === 'string' ? user.userName : id
  return identity({ authenticationId, id, component, roles: [...new Set([...defaultRoles, ...own])] })
}
