import type { PatchOperation } from '../../crest/protocol/request.ts'
import type { ManagedType } from './type.ts'

/** Without the copies and moves of a private property to another one: they would show it. */
export const withoutDisclosures = (type: ManagedType, operations: readonly PatchOperation[]): PatchOperation[] =>
  operations.filter(({ field, from }) => {
    const source = from?.[0]
    return source === undefined || !type.privates.has(source) || source === field[0]
  })

/**
 * The private properties of which a part is changed, so that the stored value must be at hand. One that is replaced as
 * a whole need not be opened, and a hash never can.
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
