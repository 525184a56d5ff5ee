import type { Json } from '../../../contract.ts'
import { ResourceException } from '../../../crest/errors.ts'
import { UniqueViolation } from '../../objects/unique-violation.ts'
import type { Failure } from './protocol.ts'

export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: undefined, cause: undefined }
  const { name, message, stack, cause } = error
  const { code, errcode } = error as { readonly code?: unknown; readonly errcode?: unknown }
  const common = { name, message, stack, cause: cause === undefined ? undefined : failureOf(cause) }
  if (error instanceof UniqueViolation) return { ...common, property: error.property }
  if (!(error instanceof ResourceException)) return { ...common, code, errcode }
  const { reason, detail, retryAfterMs } = error
  return { ...common, resource: { code: error.code, reason, detail, retryAfterMs } }
}

export function errorOf({ name, message, stack, cause: inner, resource, property, code, errcode }: Failure): Error {
  if (property !== undefined) return new UniqueViolation(property)
  const cause = inner && errorOf(inner)
  if (resource) {
    const { detail, ...rest } = resource
    return new ResourceException(resource.code, message, { ...rest, detail: detail as Json, cause })
  }
  const error = new Error(message, cause && { cause })
  return Object.assign(error, {
    name,
    stack,
    ...(code !== undefined && { code }),
    ...(errcode !== undefined && { errcode }),
  })
}
