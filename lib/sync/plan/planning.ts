import type { JsonObject } from '../../contract.ts'
import { badGateway, notFound } from '../../crest/errors.ts'
import { newRow, type Row } from '../../repo/run-rows.ts'
import type { RunContext } from '../context/run-context.ts'
import type { RunOptions } from '../context/run-options.ts'
import type { Tally } from '../context/tally.ts'
import { SourceEvaluator } from '../evaluate/evaluate-sources.ts'
import { evaluateTargets } from '../evaluate/evaluate-targets.ts'
import { type EvaluationParts, fail, situationFailure } from '../evaluate/evaluation.ts'
import { isDestructive, protectionOf } from '../evaluate/protection.ts'
import { idOf } from '../read/object-set.ts'
import { ahead, pieces } from './ahead.ts'
import { digestOf, distinct, sourcePages } from './source-pages.ts'
import { scanTargets } from './target-scan.ts'

/** The most sources that are decided about at once. */
const PIECE = 1000
/** The most targets. */
const WINDOW = 500

type Pages = AsyncGenerator<JsonObject[], void>

/** The first half of a run: what there is on both sides, and what is to be done about it, as rows. */
export class Planning {
  readonly #context: RunContext
  readonly #tally: Tally

  constructor(context: RunContext, tally: Tally) {
    this.#context = context
    this.#tally = tally
  }

  /** @returns whether there is something to go on with */
  async plan(): Promise<boolean> {
    const context = this.#context
    context.enter('ACTIVE_QUERY_ENTRIES')
    const pages = ahead(sourcePages(context))
    const first = await pages.next()
    const unknown = unknownIds(context.parts.options, first)
    if (isEmpty(first) && unknown.length === 0 && !context.mapping.allowEmptySourceSet) {
      this.#warn()
      return false
    }
    const parts = await scanTargets(context)
    await context.persist(true)
    await this.#add(unknown.map((id) => missingRow(id, context.mapping.source)))
    await this.#timed('sourcePhase', () => this.#planSources(first, pages, new SourceEvaluator(parts)))
    if (context.runsTargetPhase) await this.#timed('targetPhase', () => this.#planTargets(parts))
    return true
  }

  #warn(): void {
    const { statistics, parts, mapping } = this.#context
    statistics.sources = 0
    const what = `reconciliation of ${mapping.name}: the source is empty; nothing is done (allowEmptySourceSet)`
    parts.log.warn({ reconId: parts.id }, what)
  }

  async #planSources(
    first: IteratorResult<JsonObject[], void>,
    rest: Pages,
    evaluator: SourceEvaluator,
  ): Promise<void> {
    const context = this.#context
    const { statistics } = context
    context.enter('ACTIVE_RECONCILING_SOURCE')
    statistics.sources = 0
    for (let next = first; !next.done; next = await rest.next()) {
      for (const piece of pieces(next.value, PIECE)) {
        context.checkCanceled()
        const fresh = await this.#unseen(piece)
        statistics.sources += fresh.length
        context.cleared.see(fresh)
        await this.#add(await evaluator.evaluate(fresh))
      }
      await context.persist()
    }
  }

  /** The sources that pages before did not bring: a page of a living remote may repeat some. */
  async #unseen(sources: readonly JsonObject[]): Promise<JsonObject[]> {
    const { snapshot, links, warn } = this.#context
    const { objects, faults } = distinct(sources, (id) => links.sourceKey(id))
    const unread = this.#context.unreadable.splice(0).map(unreadableRow)
    await this.#add([...faults, ...unread])
    const seen = [...objects].map(([key, object]) => ({ key, digest: digestOf(object) }))
    const repeated = await snapshot.see(seen)
    for (const [key, isChanged] of repeated)
      if (isChanged) warn(`The source query brought ${key} twice with different content: the first one counts`)
    return [...objects].flatMap(([key, object]) => (repeated.has(key) ? [] : [object]))
  }

  async #planTargets(parts: EvaluationParts): Promise<void> {
    const context = this.#context
    context.enter('ACTIVE_RECONCILING_TARGET')
    for (let after = 0; ; ) {
      context.checkCanceled()
      const { objects, last } = await context.snapshot.untouched(after, WINDOW)
      if (last === undefined) return
      const rows = await evaluateTargets(parts, objects)
      for (const row of rows) this.#defer(row)
      await this.#add(rows)
      after = last
    }
  }

  /** A target whose source may be one that could not be assessed is not deleted on a guess. */
  #defer(row: Row): void {
    const { unassessed, mapping } = this.#context
    if (unassessed.count <= mapping.maxUnassessed || !isDestructive(row)) return
    row.status = 'DEFERRED'
    row.failure = situationFailure(
      `${row.action} waits until these sources are assessed: ${unassessed} (see maxUnassessed)`,
    )
  }

  async #add(rows: readonly Row[]): Promise<void> {
    const { unassessed, cleared } = this.#context
    for (const row of rows) {
      this.#tally.planned(row)
      cleared.count(row)
      if (row.phase === 'source' && protectionOf(row).defers) unassessed.note(row)
    }
    await this.#context.rows.add(rows, this.#context.isAnalysis)
  }

  async #timed(name: string, work: () => Promise<void>): Promise<void> {
    const begin = performance.now()
    await work()
    this.#context.durations.note(name, performance.now() - begin)
  }
}

/** The ids that a caller asked for and the source does not have. */
function unknownIds({ action, ids }: RunOptions, page: IteratorResult<JsonObject[], void>): string[] {
  const found = new Set(page.done ? [] : page.value.map(idOf))
  return action === 'reconById' ? ids.filter((id) => !found.has(id)) : []
}

function unreadableRow(sourceId: string): Row {
  const row = newRow({ phase: 'source', qualifier: 'default', sourceId })
  fail(row, badGateway('The source query listed this object, and it cannot be read'))
  return row
}

function missingRow(sourceId: string, path: string): Row {
  const row = newRow({ phase: 'source', qualifier: 'default', sourceId })
  fail(row, notFound(`${path}: there is no object ${sourceId}`))
  return row
}

const isEmpty = (page: IteratorResult<JsonObject[], void>): boolean => page.done === true || page.value.length === 0
