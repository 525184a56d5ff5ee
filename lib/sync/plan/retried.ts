import type { JsonObject } from '../../contract.ts'
import type { ResourceException } from '../../crest/errors.ts'
import { parseQueryFilter } from '../../crest/filter/query-filter.ts'
import type { Retry } from '../../repo/incremental/incremental-store.ts'
import { narrowed } from '../context/pilot.ts'
import type { RunContext } from '../context/run-context.ts'
import { idOf } from '../read/object-set.ts'
import { chunks } from './prefetch.ts'

const PAGE = 500
/** Ids in one filter beside that of the mapping: a request line has to stay below 8 kB. */
const IDS_AT_ONCE = 20

/** Whether the run asks only for what changed. */
export const isChanges = ({ incremental }: RunContext): boolean => (incremental?.options.since ?? null) !== null

/** The sources that earlier runs failed for, in addition to what changed. */
export async function* retriedSources(context: RunContext): AsyncGenerator<JsonObject[], void> {
  const { incremental: notes, parts, mapping } = context
  if (!notes || !isChanges(context) || notes.options.scope === null) return
  for (let after: string | undefined = ''; after !== undefined; ) {
    context.checkCanceled()
    const page: Retry[] = await parts.incremental.retries(mapping.name, after, PAGE)
    after = page.at(-1)?.sourceId
    const objects = await present(
      context,
      page.map(({ sourceId }) => sourceId),
    )
    notes.retried += objects.length
    if (objects.length > 0) yield objects
  }
}

/** Those that are there and still selected. Absence is proven; what cannot be read fails again. */
async function present(context: RunContext, ids: readonly string[]): Promise<JsonObject[]> {
  const { sources, unreadable, incremental } = context
  const failures = new Map<string, ResourceException>()
  const found = await sources.byIds(ids, 'sourceObjectQuery', failures)
  for (const id of ids) {
    if (found.has(id)) continue
    const isGone = !failures.has(id) && (await sources.isAbsent(id).catch(() => false))
    if (isGone) incremental?.dropped.push(id)
    else unreadable.push(id)
  }
  const selected = await selectedAmong(context, [...found.keys()])
  for (const id of found.keys()) if (!selected.has(id)) incremental?.dropped.push(id)
  return [...found].flatMap(([id, object]) => (selected.has(id) ? [object] : []))
}

/** The ids that the query of the mapping selects. */
async function selectedAmong({ parts, sources }: RunContext, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const { sourceQuery } = parts.mapping
  const own = parseQueryFilter(String(sourceQuery?.params._queryFilter ?? 'true'))
  if (own.operator === 'literal' && own.value) return new Set(ids)
  const selected = new Set<string>()
  for (const chunk of chunks(ids, IDS_AT_ONCE)) {
    const filters = chunk.map((value) => ({ operator: 'eq', field: ['_id'], value }) as const)
    const { resourceName, params } = narrowed(sourceQuery, { operator: 'or', filters }, 'incremental')
    const query = { resourceName, params: { ...params, _fields: ['_id'] } }
    for await (const page of sources.pages(query, PAGE, 'sourceObjectQuery'))
      for (const object of page) selected.add(idOf(object))
  }
  return selected
}
