import { conflict } from '../../crest/errors.ts'
import type { Row } from '../../repo/run-rows.ts'
import type { RunContext } from '../context/run-context.ts'
import { deleteFault } from '../context/run-guards.ts'
import type { Tally } from '../context/tally.ts'
import { correlates } from '../evaluate/correlation.ts'
import { SourceEvaluator } from '../evaluate/evaluate-sources.ts'
import { liveTargets } from '../evaluate/target-correlation.ts'
import { Targets } from '../evaluate/targets.ts'
import { TargetSchema } from '../read/target-schema.ts'
import { Committer } from './committer.ts'
import { Performer, type PerformParts } from './performer.ts'
import { type CheckedRow, checkPlan } from './plan-check.ts'
import { TargetWriter } from './target-writer.ts'

const WINDOW = 500
/** So many rows may be done at the target and not yet on the disk. */
const MOST_UNSETTLED = 1000

/** The second half of a run: its rows, carried out. */
export class Applying {
  readonly #context: RunContext
  readonly #tally: Tally
  readonly #decidesAgain: boolean
  readonly #waits: boolean
  readonly #unsettled = new Set<Promise<void>>()
  #fault: unknown

  /** @param decidesAgain whether what has changed meanwhile is decided anew, or left alone */
  constructor(context: RunContext, tally: Tally, decidesAgain: boolean) {
    this.#context = context
    this.#tally = tally
    this.#decidesAgain = decidesAgain
    this.#waits = !correlates(context.mapping)
  }

  async apply(): Promise<void> {
    const context = this.#context
    const [fault] = await guardFaults(context)
    if (fault !== undefined) throw conflict(`${fault}. Nothing was written.`)
    context.enter('ACTIVE_RECONCILING_SOURCE')
    const creations = await this.#checkedCreations()
    const performer = performerOf(
      context,
      new Committer(context.rows, !this.#waits),
      !this.#decidesAgain,
      this.#again(),
    )
    for (let after = 0; ; ) {
      const rows = await context.rows.waiting(after, WINDOW)
      const last = rows.at(-1)
      if (!last) break
      if (last.phase === 'target') context.enter('ACTIVE_RECONCILING_TARGET')
      await this.#work(await this.#checked(rows, creations), async ({ row, why }) => {
        const { settled } = why === undefined ? await performer.perform(row) : performer.skip(row, why)
        await this.#settling(row, settled)
      })
      context.checkCanceled()
      if (this.#fault !== undefined) break
      await context.persist()
      after = last.key
    }
    await this.#settle()
  }

  /** Resolves when all that was done is written. @throws why it could not be */
  async #settle(): Promise<void> {
    await Promise.all(this.#unsettled)
    if (this.#fault !== undefined) throw this.#fault
  }

  /**
   * Creations of an approved plan that are not carried out as they stand: because of what there is by now, which is known
   * before the first write, since that may correlate.
   */
  async #checkedCreations(): Promise<Map<number, CheckedRow>> {
    const found = new Map<number, CheckedRow>()
    for (let after = 0; !this.#decidesAgain; ) {
      this.#context.checkCanceled()
      const rows = await this.#context.rows.waiting(after, WINDOW)
      const last = rows.at(-1)
      if (!last) break
      for (const one of await checkPlan(this.#context, rows.filter(isCreation)))
        if (one.why !== undefined || (one.row.writes ?? []).length > 0) found.set(one.row.key, one)
      after = last.key
    }
    return found
  }

  /** The rows as they are to be carried out. */
  async #checked(rows: readonly Row[], creations: ReadonlyMap<number, CheckedRow>): Promise<CheckedRow[]> {
    if (this.#decidesAgain) return rows.map((row) => ({ row }))
    const others = await checkPlan(
      this.#context,
      rows.filter((row) => !isCreation(row)),
    )
    const byKey = new Map(others.map((one) => [one.row.key, one] as const))
    return rows.map((row) => byKey.get(row.key) ?? creations.get(row.key) ?? { row })
  }

  #again(): PerformParts['again'] {
    if (!this.#decidesAgain) return undefined
    const { targetFields, targets, links } = this.#context
    const live = new Targets(liveTargets(targetFields, targets, links))
    const evaluator = new SourceEvaluator(this.#context.evaluationParts(live, true))
    return async (source, qualifier) => (await evaluator.evaluate([source], { qualifier }))[0]
  }

  /** `taskThreads` at a time, in order; returns when what has begun is done. */
  async #work(rows: readonly CheckedRow[], work: (row: CheckedRow) => Promise<void>): Promise<void> {
    const { signal, mapping } = this.#context
    const queue = rows.values()
    const worker = async (): Promise<void> => {
      for (const row of queue) {
        if (signal.aborted || this.#fault !== undefined) return
        await work(row)
      }
    }
    await Promise.all(Array.from({ length: Math.max(1, mapping.taskThreads) }, worker))
    if (signal.aborted) await this.#settle()
  }

  /**
   * Where sources are correlated, the next row need not wait until this one is on the disk: what a crash would lose, the
   * next run finds again. Where nothing else tells what was created, each waits.
   */
  async #settling(row: Row, settled: Promise<unknown>): Promise<void> {
    const done = settled.then(() => this.#tally.done(row))
    if (this.#waits) return done
    const one = done
      .catch((error: unknown) => {
        this.#fault ??= error
      })
      .finally(() => this.#unsettled.delete(one))
    this.#unsettled.add(one)
    if (this.#unsettled.size >= MOST_UNSETTLED) await Promise.race(this.#unsettled)
  }
}

/** Why the rows of a run are not to be carried out: they would delete or clear more than is likely to be meant. */
export async function guardFaults({ mapping, rows, statistics, cleared, parts }: RunContext): Promise<string[]> {
  const deletes = await rows.countWaiting('DELETE')
  const targets = statistics.targets ?? Math.max(deletes, statistics.sources ?? 0)
  const { unsupplied } = parts.options
  return [
    deleteFault(deletes, targets, mapping.maxDeletes),
    cleared.fault({ sources: statistics.sources ?? 0, targets, unsupplied }, mapping.maxClears),
  ].filter((fault) => fault !== undefined)
}

/**
 * What carries out the rows of a run.
 * @param isRehearsed see `EffectParts`
 * @param again see `PerformParts`
 */
export function performerOf(
  context: RunContext,
  committer: PerformParts['committer'],
  isRehearsed: boolean,
  again?: PerformParts['again'],
): Performer {
  const { mapping, links, hooks, mapper, sentValues, sources, targets, statistics, parts } = context
  const schema = new TargetSchema(parts.connection, mapping.target)
  const writer = new TargetWriter({ targets, links, schema, updateMethod: mapping.updateMethod })
  return new Performer({
    mapping,
    mapper,
    links,
    hooks,
    writer,
    sentValues,
    sources,
    targets,
    committer,
    statistics,
    replay: parts.replay,
    isRehearsed,
    again,
  })
}

const isCreation = ({ situation, action }: Row): boolean => situation === 'ABSENT' && action === 'CREATE'
