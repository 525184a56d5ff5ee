import { traced } from '../../core/telemetry/tracing.ts'
import { conflict, internalError, ResourceException } from '../../crest/errors.ts'
import { getAt, parsePointer } from '../../crest/pointer.ts'
import { LINK_EXISTS, type Row, type RowStatus } from '../../repo/runs/run-row.ts'
import { ACTION_RULES, type Action, impossible, isAction } from '../action.ts'
import { linkPlace } from '../context/awaited-links.ts'
import { flush } from '../context/recorded-writes.ts'
import type { RunContext } from '../context/run-context.ts'
import { fail, situationFailure } from '../evaluate/evaluation.ts'
import { idOf } from '../read/object-set.ts'
import type { Committer } from './committer.ts'
import { Effects, type EffectsOptions } from './effects.ts'
import { afterImage } from './images.ts'
import type { Intents } from './intents.ts'
import { Outdated } from './outdated.ts'
import { isUncertain, UnknownOutcome } from './uncertain.ts'

/** Evaluates one source by the present state of both sides. */
export type Reevaluate = (source: NonNullable<Row['source']>, qualifier: string) => Promise<Row | undefined>

export interface PerformerOptions extends EffectsOptions {
  readonly committer: Pick<Committer, 'finish'>
  /** undefined = rows whose objects have changed are left alone. */
  readonly reevaluate?: Reevaluate | undefined
}

/** A row that is carried out at the target. */
export interface Performed {
  /** Whether the next row has to wait for its commit. */
  readonly isUrgent: boolean
  /** Its status, when that is committed; INTENDED = the run was stopped before. */
  readonly settled: Promise<RowStatus>
}

/** Carries out rows of a plan; an error fails only its row. */
export class Performer {
  readonly #context: RunContext
  readonly #committer: PerformerOptions['committer']
  readonly #intents: Intents | undefined
  readonly #reevaluate: Reevaluate | undefined
  readonly #effects: Effects

  constructor(options: PerformerOptions) {
    const { context, committer, intents, reevaluate } = options
    this.#context = context
    this.#committer = committer
    this.#reevaluate = reevaluate
    this.#intents = intents
    this.#effects = new Effects(options)
  }

  /**
   * Resolves when the row is applied at the target.
   */
  async perform(row: Row): Promise<Performed> {
    const { mapping } = this.#context
    const { situation, action } = row
    const attributes = {
      'openidm.mapping': mapping.name,
      'openidm.situation': String(situation),
      'openidm.action': action,
    }
    const work = () => this.#carryOut(row, true)
    const perform = async (): Promise<Performed> => {
      const done = await traced('reconciliation row', attributes, work, outcomeOf)
      const isUrgent = this.#intents?.isInDoubt(done) ?? true
      return { isUrgent, settled: this.#settle(done, isUrgent) }
    }
    return this.#alone(row, perform)
  }

  /** A row of a run excludes implicit synchronization of its source until its link is committed. */
  #alone({ sourceId }: Row, perform: () => Promise<Performed>): Promise<Performed> {
    const { links, mapping, parts } = this.#context
    if (!parts.locks || !this.#intents || sourceId === null) return perform()
    const { promise, resolve, reject } = Promise.withResolvers<Performed>()
    const work = async () => {
      const performed = await perform()
      resolve(performed)
      // Who follows the row is told of an error.
      await performed.settled.catch(() => undefined)
    }
    parts.locks.row(mapping.name, links.sourceKey(sourceId), work).catch(reject)
    return promise
  }

  /** Ends a row whose decision is outdated, without doing anything. */
  skip(row: Row, why: string): Performed {
    return { isUrgent: false, settled: this.#settle(skipped(row, why), false) }
  }

  /** Fails a row without doing anything. */
  refuse(row: Row, why: string): Performed {
    return { isUrgent: false, settled: this.#settle(failed(row, why), false) }
  }

  async #settle(row: Row, isUrgent: boolean): Promise<RowStatus> {
    const { statistics } = this.#context
    if (row.status === null) return 'INTENDED'
    const after = afterImage(row, this.#context.mapping.keepBefore)
    const linked = await this.#committer.finish({ ...row, after }, isUrgent)
    const status = linked ? row.status : 'FAILURE'
    if (!linked) await this.#report({ ...row, failure: LINK_EXISTS })
    await this.#followLink(row, status)
    if (status === 'SUCCESS' && row.newLink) statistics.linked += 1
    statistics.status(status)
    return status
  }

  /** Lets the change that the target itself has gone through be carried over. */
  async #followLink({ newLink, targetId }: Row, status: RowStatus): Promise<void> {
    const { links, mapping, parts } = this.#context
    if (!parts.locks || targetId === null) return
    const place = linkPlace(mapping.links ?? mapping.name, links.targetKey(targetId))
    if (status !== 'SUCCESS') parts.locks.awaited.forget(place)
    else if (newLink) await parts.locks.awaited.linked(place)
  }

  async #carryOut(row: Row, mayReevaluate: boolean): Promise<Row> {
    try {
      if (mayReevaluate) await this.#checkCurrent(row)
      await this.#execute(row)
      row.status = 'SUCCESS'
    } catch (error) {
      row.newLink = null
      row.removedLinks = []
      if (mayReevaluate && isOutdated(error)) return this.#evaluateAgain(row, error)
      // It waited for a busy remote when the run was stopped: it can be carried out later.
      if (this.#context.signal.aborted && !(error instanceof ResourceException)) return row
      fail(row, error instanceof Outdated ? conflict(`${error.message} since it was compared`) : error)
      if (error instanceof UnknownOutcome) row.status = 'UNKNOWN'
      else if (this.#intents) this.#doubt(this.#intents, row, error)
      await this.#report(row)
    }
    return row
  }

  /** Keeps the intent of a row that failed only where the request may have been carried out all the same. */
  #doubt(intents: Intents, row: Row, error: unknown): void {
    const { intent } = row
    const isKept = intent && (row.action === 'CREATE' || intent.kind === 'scripts') && isUncertain(error)
    if (!isKept && !(intent?.kind === 'id' && row.targetId !== null)) row.intent = null
    else if (intent?.id === null && intents.isInDoubt(row)) row.status = 'UNKNOWN'
  }

  /** @throws Outdated when the source was carried over since it was read, or is there although it was missing */
  async #checkCurrent(row: Row): Promise<void> {
    const { sourceId } = row
    if (this.#intents && sourceId !== null && this.#context.isTouched(sourceId) && !row.undo)
      throw new Outdated('The source has been synchronized')
    await this.#checkMissing(row)
  }

  /** A scan may miss objects: proves that one is gone before anything is deleted, unlinked or created again. */
  async #checkMissing(row: Row): Promise<void> {
    const { situation, action, sourceId, link } = row
    if (!isAction(action) || !ACTION_RULES[action].writes) return
    const { sources, targets } = this.#context
    const lacksSource = situation === 'SOURCE_MISSING' || situation === 'LINK_ONLY' || isDeletion(row)
    const lacksTarget = situation === 'MISSING' || situation === 'LINK_ONLY'
    if (lacksSource && sourceId !== null && !(await sources.isAbsent(sourceId)))
      throw new Outdated('The source has appeared')
    if (lacksTarget && link && !(await targets.isAbsent(link.targetKey))) throw new Outdated('The target has appeared')
  }

  /** Reads the source again and evaluates it by the present state; once, then the row fails. */
  async #evaluateAgain(row: Row, why: unknown): Promise<Row> {
    try {
      const what = why instanceof Outdated ? why.message : 'The target has changed'
      if (!this.#reevaluate || row.sourceId === null)
        return skipped(row, `${what} since the plan was made: nothing was done`)
      const source = await this.#context.sources.read(row.sourceId, 'sourceObjectQuery')
      if (!source) return failed(row, `${CHANGED}, and the source is gone: nothing was done`)
      const decided = await this.#reevaluate(source, row.qualifier)
      if (!decided) return failed(row, `${CHANGED}, and its link is of another kind now`)
      const fresh = { ...decided, key: row.key, intent: row.intent }
      return fresh.status === null ? await this.#carryOut(fresh, false) : fresh
    } catch (error) {
      fail(row, error)
      return row
    }
  }

  async #execute(row: Row): Promise<void> {
    const { action } = row
    if (!isAction(action)) throw internalError('The row has no valid action')
    checkPossible(action, row)
    if (this.#intents && (row.writes ?? []).length > 0)
      await this.#intents.note(row, {
        kind: 'scripts',
        id: action === 'CREATE' ? this.#intents.chosenId(row) : row.targetId,
      })
    if (await this.#flush(row)) checkPossible(action, row)
    const after = await this.#effects.execute(action, row)
    row.result = action === 'DELETE' ? null : after
    const { hooks, mapping } = this.#context
    const rule = ACTION_RULES[action]
    // As at the vendor, it does not follow a deletion.
    if (rule.writes && action !== 'DELETE') await hooks.run('postMapping', row, { target: after })
    const policy = row.policy === null ? undefined : mapping.policies[row.policy]
    if (policy && rule.postAction) await hooks.afterPolicy(policy, row, after)
    if (action === 'EXCEPTION') throw conflict(`${row.situation}: ${row.reason}`)
  }

  /**
   * Executes the writes that the scripts of the evaluation requested, before the action.
   * @returns whether they have changed the target
   */
  async #flush(row: Row): Promise<boolean> {
    const { parts, mapping, targets } = this.#context
    const hasChangedTarget = await flush(row, mapping.target, parts.replay)
    if (!hasChangedTarget || !row.target) return false
    const target = await targets.read(idOf(row.target), 'targetObjectQuery')
    row.target = target
    row.changes =
      row.changes?.map((one) =>
        one.edges ? one : { ...one, from: getAt(target ?? {}, parsePointer(one.field)) ?? null },
      ) ?? null
    return true
  }

  /** An error of the hook `onError` itself is ignored. */
  async #report(row: Row): Promise<void> {
    const { hooks } = this.#context
    if (hooks.has('onError')) await hooks.run('onError', row, { error: row.failure ?? {} }).catch(() => undefined)
  }
}

/** @throws conflict when an object that the action needs is missing */
function checkPossible(action: Action, { source, target, undo }: Row): void {
  // It is about targets and links alone.
  if (undo) return
  const fault = impossible(action, { source: source !== null, target: target !== null })
  if (fault !== undefined) throw conflict(fault)
}

/** Whether the row is about a source because that is gone. */
const isDeletion = ({ phase, source, undo }: Row): boolean => phase === 'source' && source === null && !undo

const CHANGED = 'It has changed since it was compared'

const outcomeOf = ({ status }: Row) => (status === 'FAILURE' ? { 'error.type': 'row' } : {})

const isOutdated = (error: unknown): boolean =>
  error instanceof Outdated || (error instanceof ResourceException && error.code === 412)

const failed = (row: Row, message: string): Row => ({
  ...row,
  status: 'FAILURE',
  intent: null,
  failure: situationFailure(message),
})

const skipped = (row: Row, message: string): Row => ({ ...failed(row, message), status: 'SKIPPED' })
