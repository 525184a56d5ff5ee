import type { JsonObject } from '../contract.ts'
import type { Row } from '../repo/run-rows.ts'
import { ahead, pieces } from './ahead.ts'
import { SourceEvaluator } from './evaluate-sources.ts'
import { evaluateTargets } from './evaluate-targets.ts'
import type { EvaluationParts } from './evaluation.ts'
import { idOf } from './object-set.ts'
import type { RunContext } from './run-context.ts'
import { sourcePages } from './source-pages.ts'
import type { Tally } from './tally.ts'
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
    if (isEmpty(first) && !context.mapping.allowEmptySourceSet) {
      this.#warn()
      return false
    }
    const parts = await scanTargets(context)
    await context.persist(true)
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
        await this.#add(await evaluator.evaluate(fresh))
      }
      await context.persist()
    }
  }

  /** A page of a living remote may repeat what one before had. */
  async #unseen(sources: readonly JsonObject[]): Promise<JsonObject[]> {
    const { links, snapshot } = this.#context
    const byKey = new Map(sources.map((source) => [links.sourceKey(idOf(source)), source] as const))
    const fresh = await snapshot.see([...byKey.keys()])
    return [...byKey].filter(([key]) => fresh.has(key)).map(([, source]) => source)
  }

  async #planTargets(parts: EvaluationParts): Promise<void> {
    const context = this.#context
    context.enter('ACTIVE_RECONCILING_TARGET')
    for (let after = 0; ; ) {
      context.checkCanceled()
      const { objects, last } = await context.snapshot.untouched(after, WINDOW)
      if (last === undefined) return
      if (objects.length > 0) await this.#add(await evaluateTargets(parts, objects))
      after = last
    }
  }

  async #add(rows: readonly Row[]): Promise<void> {
    for (const row of rows) this.#tally.planned(row)
    await this.#context.rows.add(rows, this.#context.isAnalysis)
  }

  async #timed(name: string, work: () => Promise<void>): Promise<void> {
    const begin = performance.now()
    await work()
    this.#context.durations.note(name, performance.now() - begin)
  }
}

const isEmpty = (page: IteratorResult<JsonObject[], void>): boolean => page.done === true || page.value.length === 0
