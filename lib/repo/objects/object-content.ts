import type { Json, JsonObject } from '../../contract.ts'
import { isLongNumber } from '../../core/long-number.ts'
import { badRequest } from '../../crest/errors.ts'
import { withoutIdentity } from '../../crest/protocol/represent.ts'

/** SQLite gives up on JSON below 1,000 levels, and one such object would fail every query of its type. */
const MAX_DEPTH = 500

/**
 * The text that is stored for an object.
 * @throws badRequest when it is nested too deeply
 */
export function contentText(object: JsonObject): string {
  const content = withoutIdentity(object)
  if (isDeeperThan(content, MAX_DEPTH)) throw badRequest(`An object may be nested ${MAX_DEPTH} levels deep, not more`)
  return JSON.stringify(content)
}

function isDeeperThan(value: Json, levels: number): boolean {
  if (value === null || typeof value !== 'object' || isLongNumber(value)) return false
  return levels === 0 || Object.values(value).some((member) => isDeeperThan(member, levels - 1))
}

/**
 * The id of an object to be made.
 * @throws badRequest for one that no database keeps as it is: empty, with U+0000 or half a surrogate pair
 */
export function checkedId(id: string): string {
  if (id === '') throw badRequest('The id of a resource cannot be empty')
  if (!id.isWellFormed() || id.includes('\0')) throw badRequest('The id of a resource has to be Unicode without U+0000')
  return id
}
