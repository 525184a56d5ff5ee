import type { Json, JsonObject } from '../../contract.ts'
import { memberOf } from '../../core/json.ts'
import { isNumber, isWhole } from '../../core/long-number.ts'
import { forbidden, type ResourceException } from '../../crest/errors.ts'
import { kindOf } from '../../crest/filter/compare.ts'
import type { ManagedType } from './type.ts'

/** A failed requirement in the format of IDM. */
export interface FailedRequirement {
  readonly property: string
  readonly policyRequirements: { readonly policyRequirement: string; readonly params?: JsonObject }[]
}

type Requirement = FailedRequirement['policyRequirements'][number]

interface Policy {
  /** Reported for a value that violates the policy. */
  readonly requirement: string
  isMet(value: Json, params: JsonObject): boolean
}

/** Supported policies of IDM, except `unique`, which the repository checks. */
const POLICIES: ReadonlyMap<string, Policy> = new Map<string, Policy>([
  [
    'minimum-length',
    { requirement: 'MIN_LENGTH', isMet: (value, params) => lengthOf(value) >= Number(params.minLength) },
  ],
  [
    'maximum-length',
    { requirement: 'MAX_LENGTH', isMet: (value, params) => lengthOf(value) <= Number(params.maxLength) },
  ],
  ['valid-email-address-format', { requirement: 'VALID_EMAIL_ADDRESS_FORMAT', isMet: isMailAddress }],
  [
    'cannot-contain-characters',
    { requirement: 'CANNOT_CONTAIN_CHARACTERS', isMet: (value, params) => !holdsAny(value, params.forbiddenChars) },
  ],
])

/** The requirement of the policy `unique`. */
export const UNIQUE = 'UNIQUE'

const failed = (policyRequirement: string, params?: JsonObject): Requirement =>
  params ? { policyRequirement, params } : { policyRequirement }

const lengthOf = (value: Json): number => (typeof value === 'string' || Array.isArray(value) ? value.length : 0)
function isMailAddress(value: Json): boolean {
  return typeof value === 'string' && /^[^\s@]+@[^\s@]+$/.test(value)
}
const holdsAny = (value: Json, characters: Json | undefined): boolean =>
  typeof value === 'string' &&
  Array.isArray(characters) &&
  characters.some((character) => value.includes(String(character)))

/** The requirement that a policy checks; undefined for an unknown policy. */
export const requirementOf = (policyId: string): string | undefined =>
  policyId === 'unique' ? UNIQUE : POLICIES.get(policyId)?.requirement

/** Policies of a type that are not supported. */
export const unknownPolicies = (type: ManagedType): string[] => {
  const named = [...type.policies.values()].flat().map(({ policyId }) => policyId)
  return [...new Set(named)].filter((policyId) => requirementOf(policyId) === undefined)
}

/**
 * Checks an object before it is stored.
 * @param object with new private values in clear text and without unchanged ones
 * @param kept unchanged private properties
 */
export function failedRequirements(type: ManagedType, object: JsonObject, kept: JsonObject = {}): FailedRequirement[] {
  const properties = new Set([...type.required, ...type.types.keys()])
  return [...properties].flatMap((property) => {
    const value = memberOf(object, property) ?? null
    const policyRequirements = isEmpty(value)
      ? missing(type, property, kept)
      : [...wrongType(type, property, value), ...broken(type, property, value)]
    return policyRequirements.length === 0 ? [] : [{ property, policyRequirements }]
  })
}

export const isEmpty = (value: Json): boolean => value === null || value === ''

const missing = (type: ManagedType, property: string, kept: JsonObject): Requirement[] =>
  type.required.includes(property) && !Object.hasOwn(kept, property) ? [failed('REQUIRED')] : []

function broken(type: ManagedType, property: string, value: Json): Requirement[] {
  return (type.policies.get(property) ?? []).flatMap(({ policyId, params }) => {
    const policy = POLICIES.get(policyId)
    return !policy || policy.isMet(value, (params ?? {}) as JsonObject) ? [] : [failed(policy.requirement, params)]
  })
}

function wrongType(type: ManagedType, property: string, value: Json): Requirement[] {
  const validTypes = type.types.get(property) ?? []
  const invalidType = kindOf(value)
  const isInteger = isNumber(value) && isWhole(value)
  const isValid = validTypes.some((valid) => valid === invalidType || (valid === 'integer' && isInteger))
  return isValid || validTypes.length === 0 ? [] : [failed('VALID_TYPE', { invalidType, validTypes: [...validTypes] })]
}

/** The error for an object that violates policies; `detail` contains the failed requirements. */
export const policyFailure = (requirements: readonly FailedRequirement[]): ResourceException =>
  forbidden('Policy validation failed', {
    detail: { result: false, failedPolicyRequirements: requirements as unknown as Json },
  })
