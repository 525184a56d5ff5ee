import type { JsonObject } from '../contract.ts'
import { conflict, internalError, ResourceException, toResourceException } from '../crest/errors.ts'
import { LINK_EXISTS, type NewRow, type RowOutcome, type RowStatus } from '../repo/run-rows.ts'
import { ACTION_RULES, type Action, impossible, isAction } from './action.ts'
import type { Committer } from './committer.ts'
import { type EffectParts, Effects } from './effects.ts'
import type { HookFacts } from './hooks.ts'
import type { ObjectSet } from './object-set.ts'
import { situationFailure, type Work, workIn } from './plan-row.ts'
import type { Statistics } from './statistics.ts'

export interface PerformParts extends EffectParts {
  readonly sources: ObjectSet
  readonly committer: Pick<Committer, 'finish'>
  readonly statistics: Statistics
  /** Decides about one source anew, from what there is now; undefined = what has changed is left alone. */
  readonly again: ((source: JsonObject, qualifier: string) => Promise<NewRow | undefined>) | undefined
}

/** A row that is carried out. */
export type OpenRow = NewRow & { readonly key: number }

/** What a row was decided by is not so any more. */
class Outdated extends Error {}

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
  async perform(row: OpenRow): Promise<{ readonly settled: Promise<RowStatus> }> {
    return { settled: this.#settle(row, await this.#outcome(row, true)) }
  }

  /** Leaves a row alone that was decided by what is not so any more. */
  skip(row: OpenRow, why: string): { readonly settled: Promise<RowStatus> } {
    return { settled: this.#settle(row, { ...outcomeOf(row, 'FAILURE'), failure: situationFailure(why) }) }
  }

  async #settle(row: OpenRow, outcome: RowOutcome): Promise<RowStatus> {
    const { statistics, committer } = this.#parts
    const linked = await committer.finish(outcome)
    const status = linked ? outcome.status : 'FAILURE'
    if (!linked) await this.#report(row, new ResourceException(409, String(LINK_EXISTS.message)))
    if (status === 'SUCCESS' && outcome.link) statistics.linked += 1
    statistics.status(status)
    return status
  }

  async #outcome(row: OpenRow, mayDecideAgain: boolean): Promise<RowOutcome> {
    try {
      if (mayDecideAgain && SEEMS_GONE.has(row.situation)) await this.#checkMissing(row)
      return await this.#carryOut(row)
    } catch (error) {
      if (mayDecideAgain && isOutdated(error)) return this.#decideAgain(row)
      const failure = error instanceof Outdated ? conflict(error.message) : toResourceException(error)
      await this.#report(row, failure)
      return { ...outcomeOf(row, 'FAILURE'), failure: { ...failure.toJSON() } as JsonObject }
    }
  }

  /** A scan may have missed an object: it is read by id before anything is deleted, unlinked or created again. */
  async #checkMissing({ situation, action, sourceId, work }: OpenRow): Promise<void> {
    if (!isAction(action) || !ACTION_RULES[action].writes) return
    const { sources, targets } = this.#parts
    if (situation === 'SOURCE_MISSING' && sourceId !== null && (await sources.read(sourceId, 'sourceObjectQuery')))
      throw new Outdated('the source is there after all')
    const link = work ? workIn(work).link : null
    if (situation === 'MISSING' && link && (await targets.read(link.targetKey, 'targetObjectQuery')))
      throw new Outdated('the target is there after all')
  }

  /** Reads the source once more and decides by what there is now; once, then it is a failure. */
  async #decideAgain(row: OpenRow): Promise<RowOutcome> {
    const { again, sources } = this.#parts
    const failure = (message: string): RowOutcome => ({
      ...outcomeOf(row, 'FAILURE'),
      failure: situationFailure(message),
    })
    try {
      if (!again || row.sourceId === null) return failure('It has changed since it was compared: nothing was done')
      const source = await sources.read(row.sourceId, 'sourceObjectQuery')
      if (!source) return failure('It has changed since it was compared, and the source is gone: nothing was done')
      const decided = await again(source, row.qualifier)
      if (!decided) return failure('It has changed since it was compared, and its link is of another kind now')
      const fresh = { ...decided, key: row.key }
      if (decided.status === null) return await this.#outcome(fresh, false)
      return { ...outcomeOf(fresh, decided.status), failure: decided.failure }
    } catch (error) {
      return { ...outcomeOf(row, 'FAILURE'), failure: { ...toResourceException(error).toJSON() } as JsonObject }
    }
  }

  async #carryOut(row: OpenRow): Promise<RowOutcome> {
    const { action, work } = row
    if (!isAction(action) || work === null) throw internalError('The row cannot be carried out')
    const details = workIn(work)
    const fault = impossible(action, { source: details.source !== null, target: details.target !== null })
    if (fault !== undefined) throw conflict(fault)
    const facts = factsOf(row, details, action)
    const effect = await this.#effects.of(action, row, details, facts)
    if (details.policy !== null || this.#parts.hooks.has('postMapping'))
      await this.#after(action, details, { ...facts, target: effect.target, targetId: effect.targetId })
    if (effect.counts) this.#parts.statistics[effect.counts] += 1
    if (action === 'EXCEPTION') throw conflict(`${row.situation}: ${row.reason}`)
    return {
      ...outcomeOf(row, 'SUCCESS'),
      targetId: effect.targetId,
      link: effect.link,
      unlink: effect.unlink,
    }
  }

  async #after(action: Action, { policy }: Work, facts: HookFacts): Promise<void> {
    const { mapping, hooks } = this.#parts
    const rule = ACTION_RULES[action]
    if (rule.writes) await hooks.run('postMapping', facts)
    const own = policy === null ? undefined : mapping.policies[policy]
    if (own && rule.postAction) await hooks.afterPolicy(own, facts)
  }

  /** A hook that fails about a failure changes nothing about it. */
  async #report(row: OpenRow, failure: ResourceException): Promise<void> {
    const { hooks } = this.#parts
    if (!hooks.has('onError') || row.work === null || !isAction(row.action)) return
    await hooks.run('onError', factsOf(row, workIn(row.work), row.action), failure).catch(() => undefined)
  }
}

const SEEMS_GONE: ReadonlySet<string> = new Set(['MISSING', 'SOURCE_MISSING'])

const isOutdated = (error: unknown): boolean =>
  error instanceof Outdated || (error instanceof ResourceException && error.code === 412)

const outcomeOf = (row: OpenRow, status: RowStatus): RowOutcome => ({
  key: row.key,
  targetId: row.targetId,
  situation: row.situation,
  action: row.action,
  status,
  failure: null,
  link: null,
  unlink: [],
})

const factsOf = (row: OpenRow, { source, target }: Work, action: Action): HookFacts => ({
  source,
  target,
  oldTarget: target,
  situation: row.situation,
  action,
  linkQualifier: row.qualifier,
  sourceId: row.sourceId,
  targetId: row.targetId,
  sourceAction: row.phase === 'source',
})
