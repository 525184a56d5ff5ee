import { isObject } from '../../core/json.ts'

/** Roles are strings or references: `{"_ref": "internal/role/openidm-admin"}`. */
export function rolesIn(value: unknown): string[] {
  if (!Array.isArray(value)) return []
  return value.flatMap((entry) => {
    const role = isObject(entry) ? entry._ref : entry
    return typeof role === 'string' ? [role] : []
  })
}
