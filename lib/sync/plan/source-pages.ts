import { isDeepStrictEqual } from 'node:util'
import type { JsonObject } from '../../contract.ts'
import { textHash } from '../../core/text-hash.ts'
import { badGateway } from '../../crest/errors.ts'
import { newRow, type Row } from '../../repo/run-rows.ts'
import type { RunContext } from '../context/run-context.ts'
import { fail } from '../evaluate/evaluation.ts'
import { idOf, revisionOf } from '../read/object-set.ts'
import { isFullEntry } from '../read/selected-fields.ts'

/** The sources of a run, page by page, each of them whole. */
export async function* sourcePages(context: RunContext): AsyncGenerator<JsonObject[], void> {
  const { parts, mapping, sources } = context
  const { action, ids } = parts.options
  const { sourceQuery, reconSourceQueryPageSize: size } = mapping
  if (action === 'reconById') {
    yield [...(await sources.byIds(ids, 'sourceQuery')).values()]
    return
  }
  for await (const page of sources.scan(sourceQuery, size, 'sourceQuery'))
    yield await wholeSources(context, page, (entry) => isFullEntry(entry, mapping, 'source'))
}

/** Reads what a page did not hold; what has provably gone since the page was made is no source any more. */
async function wholeSources(
  { sources, unreadable }: RunContext,
  page: JsonObject[],
  isFull: (entry: JsonObject) => boolean,
): Promise<JsonObject[]> {
  const partial = page.filter((entry) => !isFull(entry)).map(idOf)
  if (partial.length === 0) return page
  const whole = await sources.byIds(partial, 'sourceObjectQuery')
  for (const id of partial) if (!whole.has(id) && !(await sources.isAbsent(id).catch(() => false))) unreadable.push(id)
  return page.flatMap((entry): JsonObject[] => {
    if (isFull(entry)) return [entry]
    const object = whole.get(idOf(entry))
    return object ? [object] : []
  })
}

/** The objects of a page by their keys, and the rows that name what is wrong with others. */
export function distinct(
  page: readonly JsonObject[],
  keyOf: (id: string) => string,
): { objects: Map<string, JsonObject>; faults: Row[] } {
  const objects = new Map<string, JsonObject>()
  const faults: Row[] = []
  const refuse = (sourceId: string | null, message: string): void => {
    const row = newRow({ phase: 'source', qualifier: 'default', sourceId })
    fail(row, badGateway(message))
    faults.push(row)
  }
  const refused = new Set<string>()
  for (const object of page) {
    const id = idOf(object)
    const known = objects.get(keyOf(id))
    if (id === '') refuse(null, 'The source query brought an object without _id')
    else if (!known) objects.set(keyOf(id), object)
    else if (!isDeepStrictEqual(known, object)) refused.add(keyOf(id))
  }
  for (const key of refused) {
    refuse(idOf(objects.get(key) ?? {}), 'The source query brought two different objects with this _id')
    objects.delete(key)
  }
  return { objects, faults }
}

/** Tells apart two contents of one object: by its revision, where it has one. */
export const digestOf = (object: JsonObject): number => textHash(revisionOf(object) ?? JSON.stringify(object))
