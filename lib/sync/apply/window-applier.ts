import { randomUUID } from 'node:crypto'
import { isProbe, type Row } from '../../repo/runs/run-row.ts'
import type { RunContext } from '../context/run-context.ts'
import { refuseUnsettled } from '../context/unsettled.ts'
import { SourceEvaluator } from '../evaluate/evaluate-sources.ts'
import { idOf } from '../read/object-set.ts'
import { Committer } from './committer.ts'
import { Images } from './images.ts'
import { Intents } from './intents.ts'
import { type Performed, Performer, type Reevaluate } from './performer.ts'
import { type CheckedRow, checkPlan } from './plan-check.ts'

/** Max rows applied at the target but not yet committed. */
const MAX_UNCOMMITTED = 1000

/**
 * `planned`: rows that this run has just decided on. `approved`: rows that somebody has read: what has changed since is
 * left alone. `resumed`: rows that a run decided on before it was interrupted.
 */
export type ApplyingKind = 'planned' | 'approved' | 'resumed'

/** Carries out rows of a run, one window after the other. */
export class WindowApplier {
  readonly #context: RunContext
  readonly #kind: ApplyingKind
  readonly #committer: Committer
  readonly #intents: Intents
  readonly #images: Images
  readonly #performer: Performer
  readonly #uncommitted = new Set<Promise<void>>()
  #fault: unknown

  constructor(context: RunContext, kind: ApplyingKind) {
    const reevaluates = kind !== 'approved'
    this.#context = context
    this.#kind = kind
    this.#committer = new Committer(context.rows)
    this.#intents = new Intents(context)
    this.#images = new Images(context, this.#intents, kind !== 'resumed')
    this.#performer = new Performer({
      context,
      committer: this.#committer,
      intents: this.#intents,
      images: this.#images,
      isRehearsed: !reevaluates,
      reevaluate: reevaluates ? this.#reevaluation() : undefined,
    })
  }

  /** Why no further row is carried out: the target does not answer, or rows cannot be stored. */
  get fault(): unknown {
    return this.#fault
  }

  /**
   * The rows as they are to be carried out now.
   * @param creations those of an approved plan that cannot be carried out as planned, by their keys
   */
  async check(rows: readonly Row[], creations: ReadonlyMap<number, CheckedRow>): Promise<CheckedRow[]> {
    if (this.#kind === 'planned') return rows.map((row) => ({ row }))
    if (this.#kind === 'resumed') return checkPlan(this.#context, rows)
    const others = rows.filter((row) => !isPlannedCreation(row))
    const checked = new Map((await checkPlan(this.#context, others)).map((one) => [one.row.key, one] as const))
    return rows.map((row) => checked.get(row.key) ?? creations.get(row.key) ?? { row })
  }

  /**
   * Resolves when the rows are carried out at the target, or left because of `fault`.
   * @throws the reason when the run is canceled
   */
  async carryOut(checked: readonly CheckedRow[]): Promise<void> {
    const context = this.#context
    context.checkCanceled()
    const possible = checked.filter(isPossible(context)).map(({ row }) => row)
    await this.#images.take(possible)
    await this.#intents.prepare(possible)
    // What an earlier request may have created comes last: the others show whether the target keeps ids.
    const ordered = [
      ...checked.filter(({ row }) => !isProbe(row.intent)),
      ...checked.filter(({ row }) => isProbe(row.intent)),
    ]
    await this.#forEach(ordered, async ({ row, why }) => {
      const fault = context.unsettled.fault(row)
      if (why !== undefined) return this.#follow(row, this.#performer.skip(row, why))
      if (fault !== undefined) return this.#follow(row, this.#performer.refuse(row, fault))
      await this.#follow(row, await this.#performer.perform(row))
      if (row.intent !== null && row.status !== 'SUCCESS') await this.#checkAlive()
    })
    context.checkCanceled()
  }

  /** Resolves when all that was done is committed. */
  async commits(): Promise<void> {
    this.#committer.flush()
    await Promise.all(this.#uncommitted)
  }

  #reevaluation(): Reevaluate {
    const context = this.#context
    const { mapping, parts } = context
    const evaluator = new SourceEvaluator(context.evaluationParts(context.liveTargets()))
    return async (source, qualifier) => {
      const resourceId = idOf(source)
      // The change that came between may have created the target.
      context.unsettled.renew(resourceId, await parts.events.intentsOf({ mapping: mapping.name, resourceId }))
      const [row] = await evaluator.evaluate([source], { qualifier })
      if (row) refuseUnsettled(context, row)
      return row
    }
  }

  /** A target that has just not answered: others that it does not answer would be in doubt, too. */
  async #checkAlive(): Promise<void> {
    if (this.#fault !== undefined || this.#context.signal.aborted) return
    await this.#context.targets.read(randomUUID(), 'targetObjectQuery').catch((error: unknown) => {
      this.#fault ??= error
    })
  }

  /** Starts the work in order, `taskThreads` rows at a time; resolves when what was started is done. */
  async #forEach(rows: readonly CheckedRow[], work: (row: CheckedRow) => Promise<void>): Promise<void> {
    const { signal, mapping } = this.#context
    const queue = rows.values()
    const worker = async (): Promise<void> => {
      for (const row of queue) {
        if (signal.aborted || this.#fault !== undefined) return
        await work(row).catch((error: unknown) => {
          this.#fault ??= error
        })
      }
    }
    await Promise.all(Array.from({ length: Math.max(1, mapping.taskThreads) }, worker))
    if (!signal.aborted && this.#fault === undefined) return
    const left = [...queue].flatMap(({ row }) => (row.intent ? [{ ...row, intent: null }] : []))
    if (left.length > 0) await this.#context.rows.replan(left)
    if (!signal.aborted) return
    await this.commits()
    if (this.#fault !== undefined) throw this.#fault
  }

  /**
   * The next row need not wait for the commit: what a crash loses is settled by the intent, which is on the disk. Where
   * nothing but the commit tells what was created, each row waits.
   */
  async #follow(row: Row, { isUrgent, settled }: Performed): Promise<void> {
    const done = settled.then((status) => {
      if (status !== 'INTENDED') this.#context.statistics.processed(row)
    })
    if (isUrgent) return done
    const one = done
      .catch((error: unknown) => {
        this.#fault ??= error
      })
      .finally(() => this.#uncommitted.delete(one))
    this.#uncommitted.add(one)
    if (this.#uncommitted.size >= MAX_UNCOMMITTED) await Promise.race(this.#uncommitted)
  }
}

const isPossible =
  ({ unsettled }: RunContext) =>
  ({ row, why }: CheckedRow): boolean =>
    why === undefined && unsettled.fault(row) === undefined

/** A creation of an approved plan is checked before the first write: what the plan itself creates may correlate with it. */
export const isPlannedCreation = ({ situation, action }: Row): boolean => situation === 'ABSENT' && action === 'CREATE'
