import type { Json, JsonObject } from '../../../lib/contract.ts'
import { forbidden } from '../../../lib/crest/errors.ts'
import type { Policies } from './options.ts'

interface Failure {
  readonly property: string
  readonly policyRequirement: string
  readonly params?: JsonObject
}

export interface PolicyCheck {
  readonly content: JsonObject
  /** The fields to check; undefined: all of them, including that required ones are present. */
  readonly touched: readonly string[] | undefined
  /** Whether another object of the collection has this value. */
  isTaken(field: string, value: Json): boolean
}

/** @throws forbidden with `detail.failedPolicyRequirements` in OpenIDM's format */
export function checkPolicies(policies: Policies, { content, touched, isTaken }: PolicyCheck): void {
  const here = (field: string): boolean => Object.hasOwn(content, field) && (touched?.includes(field) ?? true)
  const missing = (policies.required ?? []).filter((field) => !touched && !Object.hasOwn(content, field))
  const taken = (policies.unique ?? []).filter((field) => here(field) && isTaken(field, content[field] ?? null))
  const short = Object.entries(policies.minLength ?? {}).filter(
    ([field, length]) => here(field) && String(content[field]).length < length,
  )
  const containing = Object.entries(policies.cannotContain ?? {}).flatMap(([field, others]) =>
    here(field)
      ? others.filter((other) => contains(content[field], content[other])).map((other) => [field, other])
      : [],
  )
  refuse([
    ...missing.map((property) => ({ property, policyRequirement: 'REQUIRED' })),
    ...taken.map((property) => ({ property, policyRequirement: 'UNIQUE' })),
    ...short.map(([property, minLength]) => ({ property, policyRequirement: 'MIN_LENGTH', params: { minLength } })),
    ...containing.map(([property = '', disallowedFields = '']) => ({
      property,
      policyRequirement: 'CANNOT_CONTAIN_OTHERS',
      params: { disallowedFields },
    })),
  ])
}

const contains = (value: Json | undefined, other: Json | undefined): boolean =>
  typeof value === 'string' && typeof other === 'string' && value.toLowerCase().includes(other.toLowerCase())

function refuse(failures: readonly Failure[]): void {
  if (failures.length === 0) return
  const properties = [...new Set(failures.map(({ property }) => property))]
  const failedPolicyRequirements = properties.map((property) => ({
    policyRequirements: failures
      .filter((failure) => failure.property === property)
      .map(({ policyRequirement, params }) => ({ policyRequirement, ...(params ? { params } : {}) })),
    property,
  }))
  throw forbidden('Failed policy validation', { detail: { result: false, failedPolicyRequirements } })
}
