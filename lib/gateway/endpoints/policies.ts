import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { badRequest, serviceUnavailable } from '../../crest/errors.ts'
import type { ResourceHandler } from '../../crest/protocol/request.ts'
import { pathElements } from '../../crest/protocol/resource-path.ts'
import { hidden } from '../managed/fields.ts'
import type { ManagedObjects, ServedType } from '../managed/managed.ts'
import { type FailedRequirement, failedRequirements, isEmpty, requirementOf, UNIQUE } from '../managed/policies.ts'
import { byProperty } from '../managed/query.ts'
import type { ManagedType } from '../managed/type.ts'
import { resource } from './listed.ts'

type Types = ManagedObjects['types']
/** A type whose schema is valid. */
type OpenType = ServedType & Required<Pick<ServedType, 'type' | 'store'>>

const isOpen = (served: ServedType): served is OpenType => served.type !== undefined

/**
 * The policies of managed objects.
 *
 * - `GET policy`: `{ "resources": [{ "resource": "managed/TYPE/*", "properties" }] }`; `GET policy/managed/TYPE/*` one of
 *   them. A property has `name`, `policies` (`policyId`, `params`, `policyRequirements`) and all `policyRequirements`.
 *   This gateway does not check policies without requirements.
 * - `POST policy/managed/TYPE/ID?_action=validateObject` with an object, `?_action=validateProperty` with some of its
 *   properties: `{ "result", "failedPolicyRequirements": [{ "property", "policyRequirements" }] }`. ID is
 *   the object to be written, `*` for a new one. Nothing is written.
 *
 * For resources without policies, `properties` is empty and everything is valid.
 */
export const policies = (types: Types): ResourceHandler => ({
  read: async ({ resourcePath }) => {
    if (resourcePath === '') return resource('', { resources: types().filter(isOpen).map(requirementsOf) })
    const { served, id } = targetOf(types, resourcePath)
    return resource(id, served ? requirementsOf(served) : { resource: resourcePath, properties: [] })
  },
  action: async ({ resourcePath, action, content }) => {
    if (resourcePath === '') throw badRequest('No resource specified')
    if (action !== 'validateObject' && action !== 'validateProperty')
      throw badRequest(`Unsupported action: ${action}: use validateObject or validateProperty`)
    if (!isObject(content)) throw badRequest('The content must be an object')
    const { served, id } = targetOf(types, resourcePath)
    const failures = served ? await failuresOf(served, id, content) : []
    const relevant =
      action === 'validateObject' ? failures : failures.filter(({ property }) => Object.hasOwn(content, property))
    return { result: relevant.length === 0, failedPolicyRequirements: relevant as unknown as Json }
  },
})

/** `managed/TYPE`, optionally with an object id. */
function targetOf(types: Types, path: string): { readonly served?: OpenType | undefined; readonly id: string } {
  const [collection, name, id = '*', ...rest] = pathElements(path)
  const isType = collection === 'managed' && rest.length === 0
  const served = isType ? types().find((type) => type.name === name) : undefined
  if (served && !isOpen(served)) throw serviceUnavailable(`managed/${name} is unavailable: its schema is invalid`)
  return { served, id }
}

function requirementsOf({ type }: OpenType): JsonObject {
  const names = new Set([...type.required, ...type.types.keys()])
  const properties = [...names].map((name) => propertyOf(type, name)).filter(({ policies }) => policies.length > 0)
  return { resource: `${type.route}/*`, properties }
}

function propertyOf(type: ManagedType, name: string) {
  const types = type.types.get(name) ?? []
  const policies: JsonObject[] = [
    ...(type.required.includes(name) ? [{ policyId: 'required', policyRequirements: ['REQUIRED'] }] : []),
    ...(types.length > 0
      ? [{ policyId: 'valid-type', params: { types: [...types] }, policyRequirements: ['VALID_TYPE'] }]
      : []),
    ...(type.policies.get(name) ?? []).map(({ policyId, params }): JsonObject => {
      const requirement = requirementOf(policyId)
      return { policyId, ...(params && { params }), policyRequirements: requirement === undefined ? [] : [requirement] }
    }),
  ]
  const policyRequirements = [...new Set(policies.flatMap((policy) => policy.policyRequirements as string[]))]
  return { name, policies, policyRequirements, fallbackPolicies: null }
}

/** Private properties of the stored object need not be sent. */
async function failuresOf({ type, store }: OpenType, id: string, object: JsonObject): Promise<FailedRequirement[]> {
  const stored = await store.find(id)
  const failures = failedRequirements(type, object, stored && hidden(type, stored.content))
  for (const property of type.unique) {
    const value = object[property] ?? null
    if (isEmpty(value) || !(await isTaken(store, property, value, id))) continue
    const known = failures.find((failure) => failure.property === property)
    const requirement = { policyRequirement: UNIQUE }
    if (known) known.policyRequirements.push(requirement)
    else failures.push({ property, policyRequirements: [requirement] })
  }
  return failures
}

async function isTaken(store: OpenType['store'], property: string, value: Json, id: string): Promise<boolean> {
  if (typeof value === 'object') return false
  const { result } = await store.query(byProperty(property, value))
  return result.some((other) => other.id !== id)
}
