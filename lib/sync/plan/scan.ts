import { isDeepStrictEqual } from 'node:util'
import type { JsonObject } from '../../contract.ts'
import { badGateway } from '../../crest/errors.ts'
import { textHash } from '../../crest/protocol/query-pages.ts'
import { newRow, type Row } from '../../repo/runs/run-row.ts'
import type { RunContext } from '../context/run-context.ts'
import { correlatedFields } from '../evaluate/correlation.ts'
import { type EvaluationOptions, fail } from '../evaluate/evaluation.ts'
import { Targets } from '../evaluate/targets.ts'
import type { MappingQuery } from '../mapping/query-schema.ts'
import { idOf, revisionOf } from '../read/object-set.ts'
import { isFullEntry } from '../read/selected-fields.ts'
import { limited, sampled } from './pilot-pages.ts'
import { chunks, prefetch } from './prefetch.ts'
import { retriedSources } from './retried.ts'

/** Objects that are added to the snapshot in one transaction. */
const CHUNK = 500

/** The pages of a run's sources, with all their fields. */
export async function* sourcePages(context: RunContext): AsyncGenerator<JsonObject[], void> {
  const { parts, mapping, sources } = context
  const { action, ids, pilot } = parts.options
  if (action === 'reconById') yield [...(await sources.byIds(ids, 'sourceQuery')).values()]
  else if (pilot?.sample !== undefined) yield* sampled(context, pilot.sample)
  else {
    const limit = pilot?.limit ?? Number.POSITIVE_INFINITY
    const pageSize = Math.min(mapping.reconSourceQueryPageSize, limit)
    const pages = sources.scan(mapping.sourceQuery, pageSize, 'sourceQuery')
    for await (const page of limited(pages, limit)) yield await fullSources(context, page)
    yield* retriedSources(context)
  }
}

/** Reads the objects that a page does not have in full; those that are proven to be deleted meanwhile are left out. */
async function fullSources({ sources, unreadable, mapping }: RunContext, page: JsonObject[]): Promise<JsonObject[]> {
  const isFull = (entry: JsonObject): boolean => isFullEntry(entry, mapping, 'source')
  const partial = page.filter((entry) => !isFull(entry)).map(idOf)
  if (partial.length === 0) return page
  const read = await sources.byIds(partial, 'sourceObjectQuery')
  for (const id of partial) if (!read.has(id) && !(await sources.isAbsent(id).catch(() => false))) unreadable.push(id)
  return page.flatMap((entry): JsonObject[] => {
    const object = isFull(entry) ? entry : read.get(idOf(entry))
    return object ? [object] : []
  })
}

/** The row of a source that could not be evaluated. */
export function failedSource(sourceId: string | null, error: Error): Row {
  const row = newRow({ phase: 'source', qualifier: 'default', sourceId })
  fail(row, error)
  return row
}

/** The objects of a page by their keys, and failed rows for those that are not acceptable. */
export function distinct(
  page: readonly JsonObject[],
  keyOf: (id: string) => string,
): { objects: Map<string, JsonObject>; faults: Row[] } {
  const objects = new Map<string, JsonObject>()
  const faults: Row[] = []
  const contradictory = new Set<string>()
  for (const object of page) {
    const id = idOf(object)
    const known = objects.get(keyOf(id))
    if (id === '') faults.push(failedSource(null, badGateway('The source query returned an object without _id')))
    else if (!known) objects.set(keyOf(id), object)
    else if (!isDeepStrictEqual(known, object)) contradictory.add(keyOf(id))
  }
  for (const key of contradictory) {
    const id = idOf(objects.get(key) ?? {})
    faults.push(failedSource(id, badGateway('The source query returned two different objects with this _id')))
    objects.delete(key)
  }
  return { objects, faults }
}

/** Identifies the content of an object: by its revision, where it has one. */
export const digestOf = (object: JsonObject): number => textHash(revisionOf(object) ?? JSON.stringify(object))

/** Scans the target into the snapshot of the run, where the evaluation looks objects up. */
export async function scanTargets(context: RunContext): Promise<EvaluationOptions> {
  const { mapping, targets: set, links, snapshot, statistics, durations, runsTargetPhase: scans } = context
  statistics.links = await durations.measure('linkQuery', () => links.count())
  // With existing links few sources have to be correlated: the first of them starts the indexing.
  if (scans && statistics.links === 0) await snapshot.index(correlatedFields(mapping))
  const isFull = scans ? await scan(context) : true
  const isUnfiltered = hasNoFilter(mapping.targetQuery)
  const isComplete = scans && isFull && isUnfiltered && !set.isProjected
  const isEmpty = scans && statistics.targets === 0 && isUnfiltered
  const targets = new Targets({ set, links, snapshot, isComplete })
  return context.evaluationParts(targets, !isEmpty || mapping.correlateEmptyTargetSet)
}

/** @returns whether all objects came in full */
async function scan(context: RunContext): Promise<boolean> {
  const { mapping, targets, links, snapshot, statistics } = context
  let isScanFull = true
  statistics.targets = 0
  const pages = targets.scan(mapping.targetQuery, mapping.reconTargetQueryPageSize, 'targetQuery')
  for await (const page of prefetch(pages)) {
    context.checkCanceled()
    const seen = page.map((object) => {
      const isFull = isFullEntry(object, mapping, 'target')
      isScanFull &&= isFull
      return { key: links.targetKey(idOf(object)), isFull, isPlanned: false, object }
    })
    for (const chunk of chunks(seen, CHUNK)) statistics.targets += await snapshot.add(chunk)
  }
  await snapshot.endScan()
  return isScanFull
}

const hasNoFilter = (query: MappingQuery | undefined): boolean =>
  !query || (query.resourceName === undefined && String(query.params._queryFilter).trim() === 'true')
