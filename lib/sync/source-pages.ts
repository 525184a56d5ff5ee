import type { JsonObject } from '../contract.ts'
import { idOf, type ObjectSet } from './object-set.ts'
import type { RunContext } from './run-context.ts'
import { isFullEntry } from './selected-fields.ts'

/** The sources of a run, page by page, each of them whole. */
export async function* sourcePages({ parts, mapping, sources }: RunContext): AsyncGenerator<JsonObject[], void> {
  const { action, ids } = parts.options
  const { sourceQuery, reconSourceQueryPageSize: size } = mapping
  if (action === 'reconById') {
    yield [...(await sources.byIds(ids, 'sourceQuery')).values()]
    return
  }
  for await (const page of sources.scan(sourceQuery, size, 'sourceQuery'))
    yield await wholeSources(sources, page, (entry) => isFullEntry(entry, mapping, 'source'))
}

/** Reads what a page did not hold; what has gone since the page was made is no source any more. */
async function wholeSources(
  sources: ObjectSet,
  page: JsonObject[],
  isFull: (entry: JsonObject) => boolean,
): Promise<JsonObject[]> {
  const partial = page.filter((entry) => !isFull(entry)).map(idOf)
  if (partial.length === 0) return page
  const whole = await sources.byIds(partial, 'sourceObjectQuery')
  return page.flatMap((entry): JsonObject[] => {
    if (isFull(entry)) return [entry]
    const object = whole.get(idOf(entry))
    return object ? [object] : []
  })
}
