import type { JsonObject } from '../../contract.ts'
import { ResourceException } from '../../crest/errors.ts'
import { changeObject, type ObjectStore } from './object-store.ts'

/** The outcome of a rewrite. */
export interface Rewriting {
  /** How many objects were changed, by type. */
  readonly changed: ReadonlyMap<string, number>
  /** A sentence for each object that could not be changed, with its path. */
  readonly failures: readonly string[]
}

export interface RewriteParts {
  /** All objects to look at, of any type, page by page. */
  readonly pages: AsyncIterable<readonly { readonly type: string; readonly id: string }[]>
  /** Writes without a check for uniqueness: that was checked when the object was written. */
  readonly storeOf: (type: string) => ObjectStore
}

/**
 * Replaces each object by what `next` makes of its content. Each is a write of its own, and one that fails stops no
 * other.
 * @param next returns the very content it is given where nothing changes
 */
export async function rewriteObjects(
  { pages, storeOf }: RewriteParts,
  next: (content: JsonObject) => JsonObject,
): Promise<Rewriting> {
  const changed = new Map<string, number>()
  const failures: string[] = []
  for await (const page of pages)
    for (const { type, id } of page) {
      try {
        let isChanged = false
        await changeObject(storeOf(type), id, null, ({ content }) => {
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
