import { randomUUID } from 'node:crypto'
import { conflict } from '../../crest/errors.ts'
import { isProbe, type Row } from '../../repo/runs/run-row.ts'
import type { RunContext } from '../context/run-context.ts'
import { deleteFault } from '../context/run-guards.ts'
import { SourceEvaluator } from '../evaluate/evaluate-sources.ts'
import { rowWindows } from '../row-windows.ts'
import { Committer } from './committer.ts'
import { addFollowUps } from './follow-ups.ts'
import { Images } from './images.ts'
import { Intents } from './intents.ts'
import { type Performed, Performer, type Reevaluate } from './performer.ts'
import { type CheckedRow, checkPlan } from './plan-check.ts'

const WINDOW = 500
/** Max rows applied at the target but not yet committed. */
const MAX_UNCOMMITTED = 1000

interface Work {
  readonly performer: Performer
  readonly intents: Intents
  readonly images: Images
}

/** The second half of a run: carries out its rows. */
export class Applying {
  readonly #context: RunContext
  readonly #kind: ApplyingKind
  readonly #reevaluates: boolean
  readonly #uncommitted = new Set<Promise<void>>()
  #fault: unknown

  constructor(context: RunContext, kind: ApplyingKind) {
    this.#context = context
    this.#kind = kind
    this.#reevaluates = kind !== 'approved'
  }

  /** @param begin called before the first write, when nothing speaks against it */
  async apply(begin: () => Promise<void>): Promise<void> {
    const context = this.#context
    const [fault] = this.#kind === 'resumed' ? [] : await guardFaults(context)
    if (fault !== undefined) throw conflict(`${fault}. Nothing was written.`)
    context.enter('ACTIVE_RECONCILING_SOURCE')
    const creations = await this.#checkedCreations()
    await begin()
    const intents = new Intents(context)
    const images = new Images(context, intents, this.#kind !== 'resumed')
    const performer = new Performer({
      context,
      committer: new Committer(context.rows),
      intents,
      images,
      isRehearsed: !this.#reevaluates,
      reevaluate: this.#reevaluates ? this.#reevaluation() : undefined,
    })
    const work = { performer, intents, images }
    await this.#carryOut(work, (rows) => this.#checked(rows, creations))
    if (!context.parts.options.undo && (await addFollowUps(context, this.#kind === 'resumed')))
      await this.#carryOut(work, async (rows) => rows.map((row) => ({ row })))
  }

  /** Resolves when all waiting rows are carried out and committed. @param check the rows as they are to be carried out */
  async #carryOut(
    { performer, intents, images }: Work,
    check: (rows: readonly Row[]) => Promise<CheckedRow[]>,
  ): Promise<void> {
    const context = this.#context
    for await (const rows of this.#windows()) {
      if (rows.at(-1)?.phase === 'target') context.enter('ACTIVE_RECONCILING_TARGET')
      const checked = await check(rows)
      context.checkCanceled()
      const possible = checked.filter(isPossible(context)).map(({ row }) => row)
      await images.take(possible)
      await intents.prepare(possible)
      // What an earlier request may have created comes last: the others show whether the target keeps ids.
      const ordered = [
        ...checked.filter(({ row }) => !isProbe(row.intent)),
        ...checked.filter(({ row }) => isProbe(row.intent)),
      ]
      await this.#forEach(ordered, async ({ row, why }) => {
        const fault = context.unsettled.fault(row)
        if (why !== undefined) return this.#follow(row, performer.skip(row, why))
        if (fault !== undefined) return this.#follow(row, performer.refuse(row, fault))
        await this.#follow(row, await performer.perform(row))
        if (row.intent !== null && row.status !== 'SUCCESS') await this.#checkAlive()
      })
      context.checkCanceled()
      if (this.#fault !== undefined) break
      await context.persist()
    }
    await this.#commits()
  }

  #windows(): AsyncGenerator<Row[], void> {
    return rowWindows((after) => this.#context.rows.waiting(after, WINDOW))
  }

  /** Resolves when all that was done is committed. @throws why that is not possible */
  async #commits(): Promise<void> {
    await Promise.all(this.#uncommitted)
    if (this.#fault !== undefined) throw this.#fault
  }

  /**
   * The creations of an approved plan that cannot be carried out as planned. They are checked before the first write,
   * since what the plan itself creates may correlate with them.
   */
  async #checkedCreations(): Promise<Map<number, CheckedRow>> {
    const found = new Map<number, CheckedRow>()
    if (this.#kind !== 'approved') return found
    for await (const rows of this.#windows()) {
      this.#context.checkCanceled()
      for (const one of await checkPlan(this.#context, rows.filter(isCreation)))
        if (one.why !== undefined || (one.row.writes ?? []).length > 0) found.set(one.row.key, one)
    }
    return found
  }

  /** The rows as they are to be carried out now. */
  async #checked(rows: readonly Row[], creations: ReadonlyMap<number, CheckedRow>): Promise<CheckedRow[]> {
    if (this.#kind === 'planned') return rows.map((row) => ({ row }))
    if (this.#kind === 'resumed') return checkPlan(this.#context, rows)
    const others = rows.filter((row) => !isCreation(row))
    const checked = new Map((await checkPlan(this.#context, others)).map((one) => [one.row.key, one] as const))
    return rows.map((row) => checked.get(row.key) ?? creations.get(row.key) ?? { row })
  }

  #reevaluation(): Reevaluate {
    const evaluator = new SourceEvaluator(this.#context.evaluationParts(this.#context.liveTargets()))
    return async (source, qualifier) => (await evaluator.evaluate([source], { qualifier }))[0]
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
        await work(row)
      }
    }
    await Promise.all(Array.from({ length: Math.max(1, mapping.taskThreads) }, worker))
    if (!signal.aborted && this.#fault === undefined) return
    const left = [...queue].flatMap(({ row }) => (row.intent ? [{ ...row, intent: null }] : []))
    if (left.length > 0) await this.#context.rows.replan(left)
    if (signal.aborted) await this.#commits()
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

/**
 * `planned`: rows that this run has just decided on. `approved`: rows that somebody has read: what has changed since is
 * left alone. `resumed`: rows that a run decided on before it was interrupted.
 */
export type ApplyingKind = 'planned' | 'approved' | 'resumed'

const isPossible =
  ({ unsettled }: RunContext) =>
  ({ row, why }: CheckedRow): boolean =>
    why === undefined && unsettled.fault(row) === undefined

/** Reasons not to carry out the rows of a run: they would delete or clear more than is probably intended. */
export async function guardFaults({ mapping, rows, statistics, cleared, parts }: RunContext): Promise<string[]> {
  const { unsupplied, basis } = parts.options
  const own = await rows.countWaiting('DELETE')
  // The parts of a plan are judged together: only one that deletes can be stopped for what others have deleted.
  const deletes = own === 0 ? 0 : own + (basis?.deletes ?? 0)
  const sources = basis?.sources ?? statistics.sources ?? 0
  const targets = basis?.targets ?? statistics.targets ?? Math.max(deletes, sources)
  return [
    deleteFault(deletes, targets, mapping.maxDeletes),
    cleared.fault({ sources, targets, unsupplied, earlier: basis?.cleared }, mapping.maxClears),
  ].filter((fault) => fault !== undefined)
}

const isCreation = ({ situation, action }: Row): boolean => situation === 'ABSENT' && action === 'CREATE'
