import type { DatabaseSync } from 'node:sqlite'
import type { Json, JsonObject } from '../../../contract.ts'
import { parseStoredJson } from '../../../core/json.ts'
import type { Pointer } from '../../../crest/pointer.ts'
import { sortValue } from '../../../crest/protocol/sort.ts'
import { ABSENT, orderKey } from '../../objects/order-key.ts'
import { matcherNumber } from './asked-filters.ts'

/**
 * Teaches the embedded database IDM's comparison, which no collation of it knows (without regard to case, a list by
 * any of its elements, never across types). The rules are those of crest/evaluate.ts and crest/sort.ts themselves, so the two cannot drift apart.
 * No table, index or view names them: any tool can open the file.
 */
export function installJsonFunctions(database: DatabaseSync): void {
  const options = { deterministic: true, directOnly: true }
  const pointerOf = remembering((text) => JSON.parse(text) as Pointer)
  database.function('json_matches', options, (value, filter) => Number(matcherNumber(filter)(rooted(value))))
  database.function('object_matches', options, (id, revision, content, filter) =>
    Number(matcherNumber(filter)({ ...parsed(content), _id: String(id), _rev: String(revision) })),
  )
  database.function('json_order', options, (value, pointer) => orderOf(sortValue(rooted(value), pointerOf(pointer))))
}

/** Fields of a filter or sort key that are given to `json_matches` and `json_order` start below this name. */
export const ROOT = 'v'

const rooted = (text: unknown): JsonObject => (typeof text === 'string' ? { [ROOT]: parseStoredJson(text) } : {})
const parsed = (text: unknown): JsonObject => parseStoredJson(String(text)) as JsonObject
const orderOf = (value: Json | undefined): string => (value === undefined ? ABSENT : orderKey(value))

/** Reads a text once and not for each row; a statement has few of them. */
function remembering<T>(read: (text: string) => T): (text: unknown) => T {
  const known = new Map<string, T>()
  return (input) => {
    const text = String(input)
    const value = known.get(text) ?? read(text)
    if (known.size >= 64) known.clear()
    known.set(text, value)
    return value
  }
}
