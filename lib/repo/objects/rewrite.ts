import type { JsonObject } from '../../contract.ts'
import { ResourceException } from '../../crest/errors.ts'
import type { Database } from '../sqlite/database/tables.ts'
import { ObjectStore } from '../sqlite/objects/object-store.ts'

const ROWS_AT_ONCE = 500

/** What became of the objects that were looked at. */
export interface Rewriting {
  /** How many were changed, by type. */
  readonly changed: ReadonlyMap<string, number>
  /** A sentence for each that could not be, with its path. */
  readonly failures: readonly string[]
}

/**
 * Puts what `next` makes of it in the place of each stored object whose text holds `text`, whatever its type. Each is a
 * transaction of its own, and one that fails stops no other.
 * @param next returns the very content it is given where nothing changes
 */
export async function rewriteObjects(
  database: Database,
  text: string,
  next: (content: JsonObject) => JsonObject,
): Promise<Rewriting> {
  const changed = new Map<string, number>()
  const failures: string[] = []
  for await (const { type, id } of objectsWith(database, text)) {
    // Uniqueness was judged when the object was written, and indexes are those of the database.
    const store = new ObjectStore(database, { type, unique: [], window: ROWS_AT_ONCE })
    try {
      let isChanged = false
      await store.change(id, null, ({ content }) => {
        const rewritten = next(content)
        isChanged = rewritten !== content
        return rewritten
      })
      if (isChanged) changed.set(type, (changed.get(type) ?? 0) + 1)
    } catch (error) {
      // It was deleted meanwhile.
      if (error instanceof ResourceException && error.code === 404) continue
      failures.push(`${type}/${id}: ${(error as Error).message}`)
    }
  }
  return { changed, failures }
}

async function* objectsWith(database: Database, text: string): AsyncGenerator<{ type: string; id: string }, void> {
  for (let last = 0; ; ) {
    const rows = await database
      .selectFrom('object')
      .select(['key', 'type', 'id'])
      .where('key', '>', last)
      .where('content', 'like', `%${text}%`)
      .orderBy('key')
      .limit(ROWS_AT_ONCE)
      .execute()
    yield* rows
    const end = rows.at(-1)
    if (!end) return
    last = end.key
  }
}
