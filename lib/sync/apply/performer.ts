import { conflict, internalError, ResourceException } from '../../crest/errors.ts'
import { getAt, parsePointer } from '../../crest/pointer.ts'
import { LINK_EXISTS, type Row, type RowStatus } from '../../repo/run-rows.ts'
import { ACTION_RULES, type Action, impossible, isAction } from '../action.ts'
import { flush, type Replay } from '../context/recorded-writes.ts'
import { fail, situationFailure } from '../evaluate/evaluation.ts'
import type { Mapping } from '../mapping/mapping.ts'
import { idOf, type ObjectSet } from '../read/object-set.ts'
import type { Committer } from './committer.ts'
import { type EffectParts, Effects } from './effects.ts'
import { Outdated } from './target-writer.ts'

export interface PerformParts extends EffectParts {
  readonly mapping: Mapping
  readonly sources: ObjectSet
  readonly targets: ObjectSet
  readonly committer: Pick<Committer, 'finish'>
  readonly replay: Replay
  /** Evaluates one source anew, by what there is now; undefined = what has changed is left alone. */
  readonly again: ((source: NonNullable<Row['source']>, qualifier: string) => Promise<Row | undefined>) | undefined
}

/** Carries out rows of a plan, each on its own: what fails fails that row only. */
export class Performer {
  readonly #parts: PerformParts
  readonly #effects: Effects

  constructor(parts: PerformParts) {
    this.#parts = parts
    this.#effects = new Effects(parts)
  }

  /**
   * Resolves when it is done at the target.
   * @returns how it ended, as soon as that is on the disk
   */
  async perform(row: Row): Promise<{ readonly settled: Promise<RowStatus> }> {
    return { settled: this.#settle(await this.#carriedOut(row, true)) }
  }

  /** Leaves a row alone that was decided by what is not so any more. */
  skip(row: Row, why: string): { readonly settled: Promise<RowStatus> } {
    return { settled: this.#settle(failed(row, why)) }
  }

  async #settle(row: Row): Promise<RowStatus> {
    const { statistics, committer } = this.#parts
    const linked = await committer.finish(row)
    const status = linked && row.status === 'SUCCESS' ? 'SUCCESS' : 'FAILURE'
    if (!linked) await this.#report({ ...row, failure: LINK_EXISTS })
    if (status === 'SUCCESS' && row.newLink) statistics.linked += 1
    statistics.status(status)
    return status
  }

  async #carriedOut(row: Row, mayDecideAgain: boolean): Promise<Row> {
    try {
      if (mayDecideAgain) await this.#checkMissing(row)
      await this.#execute(row)
      row.status = 'SUCCESS'
    } catch (error) {
      row.newLink = null
      row.removedLinks = []
      if (mayDecideAgain && isOutdated(error)) return this.#decideAgain(row, error)
      fail(row, error instanceof Outdated ? conflict(`${error.message} since it was compared`) : error)
      await this.#report(row)
    }
    return row
  }

  /** A scan may have missed an object: its absence is proven before anything is deleted, unlinked or created again. */
  async #checkMissing({ situation, action, sourceId, link }: Row): Promise<void> {
    if (!isAction(action) || !ACTION_RULES[action].writes) return
    const { sources, targets } = this.#parts
    const lacksSource = situation === 'SOURCE_MISSING' || situation === 'LINK_ONLY'
    const lacksTarget = situation === 'MISSING' || situation === 'LINK_ONLY'
    if (lacksSource && sourceId !== null && !(await sources.isAbsent(sourceId)))
      throw new Outdated('The source has appeared')
    if (lacksTarget && link && !(await targets.isAbsent(link.targetKey))) throw new Outdated('The target has appeared')
  }

  /** Reads the source once more and evaluates it by what there is now; once, then it is a failure. */
  async #decideAgain(row: Row, why: unknown): Promise<Row> {
    const { again, sources } = this.#parts
    try {
      const what = why instanceof Outdated ? why.message : 'The target has changed'
      if (!again || row.sourceId === null) return failed(row, `${what} since the plan was made: nothing was done`)
      const source = await sources.read(row.sourceId, 'sourceObjectQuery')
      if (!source) return failed(row, `${CHANGED}, and the source is gone: nothing was done`)
      const decided = await again(source, row.qualifier)
      if (!decided) return failed(row, `${CHANGED}, and its link is of another kind now`)
      const fresh = { ...decided, key: row.key }
      return fresh.status === null ? await this.#carriedOut(fresh, false) : fresh
    } catch (error) {
      fail(row, error)
      return row
    }
  }

  async #execute(row: Row): Promise<void> {
    const { action } = row
    if (!isAction(action)) throw internalError('The row cannot be carried out')
    checkPossible(action, row)
    if (await this.#flush(row)) checkPossible(action, row)
    const after = await this.#effects.execute(action, row)
    const { hooks, mapping } = this.#parts
    const rule = ACTION_RULES[action]
    if (rule.writes) await hooks.run('postMapping', row, { target: after })
    const policy = row.policy === null ? undefined : mapping.policies[row.policy]
    if (policy && rule.postAction) await hooks.afterPolicy(policy, row, after)
    if (action === 'EXCEPTION') throw conflict(`${row.situation}: ${row.reason}`)
  }

  /**
   * What the scripts that decided about the row asked for is written before the action.
   * @returns whether the target is another one now
   */
  async #flush(row: Row): Promise<boolean> {
    const { replay, mapping, targets } = this.#parts
    const hasChangedTarget = await flush(row, mapping.target, replay)
    if (!hasChangedTarget || !row.target) return false
    const target = await targets.read(idOf(row.target), 'targetObjectQuery')
    row.target = target
    row.changes =
      row.changes?.map((one) => ({ ...one, from: getAt(target ?? {}, parsePointer(one.field)) ?? null })) ?? null
    return true
  }

  /** A hook that fails about a failure changes nothing about it. */
  async #report(row: Row): Promise<void> {
    const { hooks } = this.#parts
    if (hooks.has('onError')) await hooks.run('onError', row, { error: row.failure ?? {} }).catch(() => undefined)
  }
}

/** @throws conflict when there is not what the action needs */
function checkPossible(action: Action, { source, target }: Row): void {
  const fault = impossible(action, { source: source !== null, target: target !== null })
  if (fault !== undefined) throw conflict(fault)
}

const CHANGED = 'It has changed since it was compared'

const isOutdated = (error: unknown): boolean =>
  error instanceof Outdated || (error instanceof ResourceException && error.code === 412)

const failed = (row: Row, message: string): Row => ({ ...row, status: 'FAILURE', failure: situationFailure(message) })
