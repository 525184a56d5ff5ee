import type { JsonObject } from '../contract.ts'
import { conflict, internalError, ResourceException, toResourceException } from '../crest/errors.ts'
import type { NewLink } from '../repo/link-store.ts'
import { LINK_EXISTS, type NewRow, type RowOutcome, type RowStatus } from '../repo/run-rows.ts'
import { ACTION_RULES, type Action, impossible, isAction } from './action.ts'
import type { Committer } from './committer.ts'
import { differences } from './difference.ts'
import type { HookFacts, Hooks } from './hooks.ts'
import type { LinkSpace } from './link-space.ts'
import { mapProperties } from './map-properties.ts'
import type { Mapping } from './mapping.ts'
import { idOf, type ObjectSet, revisionOf } from './object-set.ts'
import { ontoTarget, situationFailure, type Work, workIn } from './plan-row.ts'
import type { Scripts } from './scripts.ts'
import type { Statistics } from './statistics.ts'

export interface PerformParts {
  readonly mapping: Mapping
  readonly links: LinkSpace
  readonly scripts: Scripts
  readonly hooks: Hooks
  readonly sources: ObjectSet
  readonly targets: ObjectSet
  readonly committer: Pick<Committer, 'finish'>
  readonly statistics: Statistics
  /** Decides about one source anew, from what there is now; undefined = what has changed is left alone. */
  readonly again: ((source: JsonObject, qualifier: string) => Promise<NewRow | undefined>) | undefined
}

/** A row that is carried out. */
export type OpenRow = NewRow & { readonly key: number }

interface Effect {
  readonly targetId: string | null
  readonly target: JsonObject | null
  readonly link: NewLink | null
  readonly unlink: readonly string[]
  /** What is counted. */
  readonly counts?: 'created' | 'updated' | 'unchanged' | 'deleted'
}

/** What a row was decided by is not so any more. */
class Outdated extends Error {}

/** Carries out rows of a plan, each on its own: what fails fails that row only. */
export class Performer {
  readonly #parts: PerformParts

  constructor(parts: PerformParts) {
    this.#parts = parts
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
      if (mayDecideAgain) await this.#checkMissing(row)
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
    const effect = await this.#effect(action, row, details, facts)
    await this.#after(action, row, details, { ...facts, target: effect.target, targetId: effect.targetId })
    if (effect.counts) this.#parts.statistics[effect.counts] += 1
    if (action === 'EXCEPTION') throw conflict(`${row.situation}: ${row.reason}`)
    return {
      ...outcomeOf(row, 'SUCCESS'),
      targetId: effect.targetId,
      link: effect.link,
      unlink: effect.unlink,
    }
  }

  async #effect(action: Action, row: OpenRow, work: Work, facts: HookFacts): Promise<Effect> {
    switch (action) {
      case 'CREATE':
        return this.#create(row, work, facts)
      case 'UPDATE':
        return this.#update(row, work, facts)
      case 'DELETE':
        return this.#delete(row, work, facts)
      case 'LINK':
        return { ...same(row, work), ...(await this.#link(row, work, facts, row.targetId ?? '')) }
      case 'UNLINK':
        return { ...same(row, work), ...(await this.#unlink(work, facts)) }
      default:
        return same(row, work)
    }
  }

  async #create(row: OpenRow, work: Work, facts: HookFacts): Promise<Effect> {
    const content = await this.#mapped('onCreate', work, { ...facts, oldTarget: null })
    const created = await this.#parts.targets.create(idIn(content), content)
    const targetId = idOf(created)
    const linking = await this.#link(row, work, { ...facts, target: created, targetId }, targetId)
    return { targetId, target: created, ...linking, counts: 'created' }
  }

  async #update(row: OpenRow, work: Work, facts: HookFacts): Promise<Effect> {
    const target = work.target ?? {}
    const content = await this.#mapped('onUpdate', work, facts)
    const targetId = idOf(target)
    const wanted = idIn(content)
    if (wanted !== null && wanted !== targetId) throw conflict('The mapping would give the target another _id')
    const changed = differences(target, content).length > 0
    if (changed) await this.#parts.targets.update(targetId, revisionOf(target), content)
    const linking = await this.#link(row, work, { ...facts, target: content, targetId }, targetId)
    return { targetId, target: { _id: targetId, ...content }, ...linking, counts: changed ? 'updated' : 'unchanged' }
  }

  async #delete(row: OpenRow, work: Work, facts: HookFacts): Promise<Effect> {
    if (row.ambiguous) throw conflict('DELETE needs one target object, and several correlate')
    const { hooks, targets } = this.#parts
    await hooks.run('onDelete', facts)
    if (work.target) await targets.delete(idOf(work.target), revisionOf(work.target))
    const unlinking = await this.#unlink(work, facts)
    return { ...same(row, work), ...unlinking, ...(work.target ? { counts: 'deleted' as const } : {}) }
  }

  /** The target as properties and hooks make it, on top of what the plan has. */
  async #mapped(hook: 'onCreate' | 'onUpdate', work: Work, facts: HookFacts): Promise<JsonObject> {
    const { mapping, scripts, hooks } = this.#parts
    const onto = hook === 'onUpdate' ? ontoTarget(work.target) : {}
    let target = work.mapped
    if (hooks.has('onMapping') || target === null) {
      const prepared = (await hooks.run('onMapping', { ...facts, target: onto })) ?? onto
      const task = { source: work.source ?? {}, onto: prepared, linkQualifier: facts.linkQualifier }
      const [mapped] = await mapProperties(mapping.properties, [task], scripts)
      if (mapped === undefined || mapped instanceof ResourceException)
        throw mapped ?? internalError('Nothing was mapped')
      target = mapped
    }
    return (await hooks.run(hook, { ...facts, target })) ?? target
  }

  async #link(row: OpenRow, work: Work, facts: HookFacts, targetId: string): Promise<Pick<Effect, 'link' | 'unlink'>> {
    const { links, hooks } = this.#parts
    const isLinked = work.link !== null && work.link.targetKey === links.targetKey(targetId)
    if (!links.enabled || isLinked || row.sourceId === null) return { link: null, unlink: [] }
    await hooks.run('onLink', facts)
    return { link: links.between(row.sourceId, targetId, row.qualifier), unlink: work.link ? [work.link.id] : [] }
  }

  async #unlink(work: Work, facts: HookFacts): Promise<Pick<Effect, 'link' | 'unlink'>> {
    if (!work.link) return { link: null, unlink: [] }
    await this.#parts.hooks.run('onUnlink', facts)
    return { link: null, unlink: [work.link.id] }
  }

  async #after(action: Action, _row: OpenRow, { policy }: Work, facts: HookFacts): Promise<void> {
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

const same = (row: OpenRow, { target }: Work): Effect => ({ targetId: row.targetId, target, link: null, unlink: [] })

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

const idIn = ({ _id: id }: JsonObject): string | null => (typeof id === 'string' && id !== '' ? id : null)
