import { conflict } from '../../crest/errors.ts'
import type { Row } from '../../repo/runs/run-row.ts'
import type { RunContext } from '../context/run-context.ts'
import { deleteFault } from '../context/run-guards.ts'
import { rowWindows } from '../row-windows.ts'
import { addFollowUps } from './follow-ups.ts'
import { type CheckedRow, checkPlan } from './plan-check.ts'
import { type ApplyingKind, isPlannedCreation, WindowApplier } from './window-applier.ts'

const WINDOW = 500

/** All rows of a run that wait. */
export interface WaitingRows {
  /** Carries them out in this process. */
  readonly applier: WindowApplier
  /** See `WindowApplier.check`; undefined = they need no check. */
  readonly creations: ReadonlyMap<number, CheckedRow> | undefined
}

/** Carries out all waiting rows with the help of other nodes. @returns false when there are none: nothing was done */
export type Share = (waiting: WaitingRows) => Promise<boolean>

/** The second half of a run: carries out its rows. */
export class Applying {
  readonly #context: RunContext
  readonly #kind: ApplyingKind
  readonly #share: Share

  constructor(context: RunContext, kind: ApplyingKind, share: Share = async () => false) {
    this.#context = context
    this.#kind = kind
    this.#share = share
  }

  /** @param begin called before the first write, when nothing speaks against it */
  async apply(begin: () => Promise<void>): Promise<void> {
    const context = this.#context
    const [fault] = this.#kind === 'resumed' ? [] : await guardFaults(context)
    if (fault !== undefined) throw conflict(`${fault}. Nothing was written.`)
    context.enter('ACTIVE_RECONCILING_SOURCE')
    const creations = await this.#checkedCreations()
    await begin()
    const applier = new WindowApplier(context, this.#kind)
    await this.#carryOut({ applier, creations })
    if (!context.parts.options.undo && (await addFollowUps(context, this.#kind === 'resumed')))
      await this.#carryOut({ applier, creations: undefined })
  }

  /** Resolves when all waiting rows are carried out and committed. @throws why that is not possible */
  async #carryOut(waiting: WaitingRows): Promise<void> {
    const { applier } = waiting
    if (!(await this.#share(waiting))) await this.#carryOutHere(waiting)
    await applier.commits()
    if (applier.fault !== undefined) throw applier.fault
  }

  async #carryOutHere({ applier, creations }: WaitingRows): Promise<void> {
    const context = this.#context
    for await (const rows of this.#windows()) {
      if (rows.at(-1)?.phase === 'target') context.enter('ACTIVE_RECONCILING_TARGET')
      await applier.carryOut(creations ? await applier.check(rows, creations) : rows.map((row) => ({ row })))
      if (applier.fault !== undefined) return
      await context.persist()
    }
  }

  #windows(): AsyncGenerator<Row[], void> {
    return rowWindows((after) => this.#context.rows.waiting(after, WINDOW))
  }

  /** The creations of an approved plan that cannot be carried out as planned: see `isPlannedCreation`. */
  async #checkedCreations(): Promise<Map<number, CheckedRow>> {
    const found = new Map<number, CheckedRow>()
    if (this.#kind !== 'approved') return found
    for await (const rows of this.#windows()) {
      this.#context.checkCanceled()
      for (const one of await checkPlan(this.#context, rows.filter(isPlannedCreation)))
        if (one.why !== undefined || (one.row.writes ?? []).length > 0) found.set(one.row.key, one)
    }
    return found
  }
}

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
