import type { PatchOperation } from '../../crest/protocol/request.ts'
import type { ManagedType } from './type.ts'

/** Drops operations that copy or move a private property to another property, which would expose it. */
export const withoutDisclosures = (type: ManagedType, operations: readonly PatchOperation[]): PatchOperation[] =>
  operations.filter(({ field, from }) => {
    const source = from?.[0]
    return source === undefined || !type.privates.has(source) || source === field[0]
  })

/**
 * Private properties with a partial change, which requires the stored value in clear. Complete replacements do not, and
 * hashes have no clear value.
 */
export function changedInPart(type: ManagedType, operations: readonly PatchOperation[]): string[] {
  const names = operations.filter(isPartial).map(({ field: [name = ''] }) => name)
  return [...new Set(names)].filter((name) => type.privates.has(name) && !type.hashed.has(name))
}

const isPartial = ({ operation, field, value }: PatchOperation): boolean =>
  field.length > 1 ||
  (operation === 'add' && Array.isArray(value)) ||
  (operation === 'remove' && value !== undefined) ||
  operation === 'increment'

export const removesWhole = ({ operation, field, value }: PatchOperation): boolean =>
  operation === 'remove' && value === undefined && field.length === 1
