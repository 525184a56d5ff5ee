import type { JsonObject } from '../../contract.ts'
import { badGateway, notFound } from '../../crest/errors.ts'
import type { Row } from '../../repo/runs/run-row.ts'
import type { RunContext } from '../context/run-context.ts'
import { refuseUnsettled } from '../context/unsettled.ts'
import { SourceEvaluator } from '../evaluate/evaluate-sources.ts'
import { evaluateTargets } from '../evaluate/evaluate-targets.ts'
import { type EvaluationOptions, situationFailure } from '../evaluate/evaluation.ts'
import { isDestructive, protectionOf } from '../evaluate/protection.ts'
import { idOf } from '../read/object-set.ts'
import { planUndo } from '../undo/undo-plan.ts'
import { chunks, prefetch } from './prefetch.ts'
import { isChanges } from './retried.ts'
import { digestOf, distinct, failedSource, scanTargets, sourcePages } from './scan.ts'

/** Sources that are evaluated together. */
const SOURCE_CHUNK = 500
/** Targets that are evaluated together. */
const TARGET_WINDOW = 500

/**
 * The first half of a run: scans both sides and stores what is to be done as rows.
 * @returns false for an empty source, about which nothing is to be done
 */
export async function plan(context: RunContext): Promise<boolean> {
  const { mapping, durations, parts } = context
  if (parts.options.undo) {
    await planUndo(context)
    return true
  }
  context.enter('ACTIVE_QUERY_ENTRIES')
  const pages = prefetch(sourcePages(context))
  const { value: first } = await pages.next()
  const unknown = unknownIds(context, first ?? [])
  const mayBeEmpty = mapping.allowEmptySourceSet || isChanges(context)
  if (!first?.length && unknown.length === 0 && !mayBeEmpty) {
    context.statistics.sources = 0
    const what = `reconciliation of ${mapping.name}: the source is empty; nothing is done (allowEmptySourceSet)`
    parts.log.warn({ reconId: parts.id }, what)
    return false
  }
  const evaluation = await scanTargets(context)
  await context.persist(true)
  const missing = (id: string) => failedSource(id, notFound(`${mapping.source}: there is no object ${id}`))
  await add(context, unknown.map(missing))
  await durations.measure('sourcePhase', () => planSources(context, first ?? [], pages, evaluation))
  if (context.runsTargetPhase) await durations.measure('targetPhase', () => planTargets(context, evaluation))
  return true
}

async function planSources(
  context: RunContext,
  first: JsonObject[],
  rest: AsyncGenerator<JsonObject[], void>,
  parts: EvaluationOptions,
): Promise<void> {
  const { statistics, cleared, incremental } = context
  const evaluator = new SourceEvaluator(parts)
  context.enter('ACTIVE_RECONCILING_SOURCE')
  statistics.sources = 0
  for (let page: JsonObject[] | undefined = first; page; page = (await rest.next()).value ?? undefined) {
    for (const chunk of chunks(page, SOURCE_CHUNK)) {
      context.checkCanceled()
      const sources = await unseen(context, chunk)
      statistics.sources += sources.length
      cleared.see(sources)
      incremental?.see(sources)
      await add(context, await evaluator.evaluate(sources))
    }
    await context.persist()
  }
  await add(context, unread(context))
  if (incremental?.withoutField) {
    const { withoutField, field } = incremental
    const what = `${withoutField} of ${statistics.sources} sources have no ${field}`
    context.warn(`${what}: runs that ask only for what changed never see them`)
  }
}

/** The sources that earlier pages did not have: pages of a remote that changes meanwhile may overlap. */
async function unseen(context: RunContext, sources: readonly JsonObject[]): Promise<JsonObject[]> {
  const { snapshot, links, warn } = context
  const { objects, faults } = distinct(sources, (id) => links.sourceKey(id))
  await add(context, [...faults, ...unread(context)])
  const repeated = await snapshot.see([...objects].map(([key, object]) => ({ key, digest: digestOf(object) })))
  for (const [key, isChanged] of repeated)
    if (isChanged) warn(`The source query returned ${key} twice with different content: the first one is used`)
  return [...objects].flatMap(([key, object]) => (repeated.has(key) ? [] : [object]))
}

const UNREADABLE = 'The source query listed this object, and it cannot be read'

/** The rows of sources that could not be read since the last call. */
const unread = ({ unreadable }: RunContext): Row[] =>
  unreadable.splice(0).map((id) => failedSource(id, badGateway(UNREADABLE)))

async function planTargets(context: RunContext, parts: EvaluationOptions): Promise<void> {
  context.enter('ACTIVE_RECONCILING_TARGET')
  for (let after = 0; ; ) {
    context.checkCanceled()
    const { objects, last } = await context.snapshot.untouched(after, TARGET_WINDOW)
    if (last === undefined) return
    const rows = await evaluateTargets(parts, objects)
    for (const row of rows) defer(context, row)
    await add(context, rows)
    after = last
  }
}

/** Postpones a deletion while sources that are not assessed may belong to the target. */
function defer({ unassessed, mapping }: RunContext, row: Row): void {
  if (unassessed.count <= mapping.maxUnassessed || !isDestructive(row)) return
  row.status = 'DEFERRED'
  row.failure = situationFailure(
    `${row.action} waits until these sources are assessed: ${unassessed} (see maxUnassessed)`,
  )
}

async function add(context: RunContext, added: readonly Row[]) {
  const { unassessed, cleared, statistics, rows, isAnalysis, verification } = context
  for (const row of added) {
    if (context.unsettled.fault(row) !== undefined) await settled(context, row)
    refuseUnsettled(context, row)
    verification?.count(row)
    statistics.planned(row, isAnalysis)
    cleared.count(row)
    if (row.phase === 'source' && protectionOf(row).defers) unassessed.note(row)
  }
  await rows.add(added, isAnalysis)
}

/** Resolves when no change of the source is being carried out, and what changes have left of it is known anew. */
async function settled({ mapping, links, parts, unsettled }: RunContext, row: Row): Promise<void> {
  const { sourceId, qualifier } = row
  if (sourceId === null) return
  const key = links.sourceKey(sourceId)
  await parts.locks?.ended(mapping.name, key)
  // One that has just ended is stored a little longer.
  const isLinked = (await links.bySources([key])).some((link) => link.qualifier === qualifier)
  const of = { mapping: mapping.name, resourceId: sourceId }
  unsettled.renew(sourceId, isLinked ? [] : await parts.events.intentsOf(of))
}

/** The ids of a `reconById` that the source does not have. */
function unknownIds({ parts: { options } }: RunContext, page: readonly JsonObject[]): string[] {
  const found = new Set(page.map(idOf))
  return options.action === 'reconById' ? options.ids.filter((id) => !found.has(id)) : []
}
