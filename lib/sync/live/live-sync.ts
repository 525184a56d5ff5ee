import type { Logger } from '../../contract.ts'
import { traced } from '../../core/telemetry/tracing.ts'
import { conflict } from '../../crest/errors.ts'
import type { RequestContext } from '../../crest/protocol/request.ts'
import type { EventStore } from '../../repo/queue/event-store.ts'
import { newRow, type Row } from '../../repo/runs/run-row.ts'
import { type Action, isAction } from '../action.ts'
import { type AwaitingChange, linkPlace } from '../context/awaited-links.ts'
import type { RunContext } from '../context/run-context.ts'
import type { SourceLocks } from '../context/source-locks.ts'
import { fail } from '../evaluate/evaluation.ts'
import { LinkSpace } from '../evaluate/link-space.ts'
import type { ConfiguredMapping } from '../mapping/registry.ts'
import type { ReconServiceOptions } from '../runs/recon-service.ts'
import { carryOutRow, singleContext } from '../runs/single-row.ts'
import { isSituation } from '../situation.ts'
import { type Chain, callerWithin, lengthFault, returnFault } from './chain.ts'
import { type Change, NOTIFY_ACTIONS, type SyncDetail, type SyncResults } from './change.ts'
import { Claim, claimed } from './claims.ts'
import { evaluate, evaluateChange } from './evaluate-change.ts'
import { LearnedIds } from './learned-ids.ts'
import { type IsHeld, isQueued, LiveMappings } from './live-mappings.ts'
import type { LiveMetrics } from './live-metrics.ts'
import { settleInterrupted } from './settle-interrupted.ts'
import { besideRuns } from './stored-intents.ts'

export interface LiveSyncOptions {
  readonly parts: ReconServiceOptions & { readonly locks: SourceLocks }
  readonly isHeld?: IsHeld | undefined
  readonly events: EventStore
  readonly metrics?: Pick<LiveMetrics, 'carriedOver'> | undefined
  readonly log: Logger
}

interface Deferred {
  readonly deferred: AwaitingChange
  readonly details: readonly SyncDetail[]
}

/** How long a queued change keeps others waiting. */
const MAX_LINK_WAIT_MS = 500

/** Implicit synchronization: carries changes of source objects over as they happen. */
export class LiveSync extends LiveMappings {
  readonly #options: LiveSyncOptions
  readonly #learned: LearnedIds
  /** Claims of changes that this process carries out now. */
  readonly #underWay = new Set<string>()

  constructor(options: LiveSyncOptions) {
    super({ mappings: options.parts.mappings, isHeld: options.isHeld })
    this.#options = options
    this.#learned = new LearnedIds({ runs: options.parts.runs, events: options.events })
  }

  /**
   * Carries a change over in one mapping, by the present state of the source: a plan of one source. One at a time for
   * each mapping and object. Never rejects: failures are in the details.
   * A target that a mapping has just written, and is about to link, is left alone until it is linked.
   * @param context its `transactionId` and caller are audited; `syncChain` are the hops before this one
   * @returns `later` when an earlier queued change may still store the link
   */
  async carryOut(
    configured: ConfiguredMapping,
    change: Change,
    context: RequestContext,
  ): Promise<readonly SyncDetail[] | 'later'> {
    const started = await this.#start(configured, change, context)
    if (started === 'later' || !('deferred' in started)) return started
    // A run may take long to store it.
    const timer = setTimeout(started.deferred.withdraw, MAX_LINK_WAIT_MS)
    const how = await started.deferred.ended
    clearTimeout(timer)
    if (how === 'carriedOut') return started.details
    // The target got no link by that attempt: without another, nothing is to be carried over.
    return how === 'withdrawn' || (await this.#isLinkQueued(change, context.syncChain?.at(-1))) ? 'later' : []
  }

  /** `deferred`: it is carried over when the link is there, and then `details` are filled. */
  async #start(
    configured: ConfiguredMapping,
    change: Change,
    context: RequestContext,
  ): Promise<readonly SyncDetail[] | Deferred | 'later'> {
    const { parts } = this.#options
    const { mapping } = configured
    const others = parts.mappings.all().map((other) => other.mapping)
    const links = new LinkSpace(mapping, others, parts.links)
    const key = links.sourceKey(change.resourceId)
    const work = () => this.#inTurn(configured, change, context, key)
    const { syncChain: chain = [] } = context
    const hop = chain.at(-1)
    if (hop === undefined || !(await this.#lacksLink(configured, links, change, hop))) return work()
    const { awaited } = parts.locks
    if (!awaited.isOpen(hop)) return (await this.#isLinkQueued(change, hop)) ? 'later' : work()
    const details: SyncDetail[] = []
    const noted = async () => details.push(...(await work()))
    return { deferred: awaited.add(linkPlace(typeOf(mapping), key), { hop, work: noted }), details }
  }

  /** Whether the change that led to this one was interrupted and waits in the queue. */
  async #isLinkQueued({ isEarlierQueued }: Change, hop = ''): Promise<boolean> {
    const { parts } = this.#options
    const writer = parts.mappings.all().find(({ mapping: { name } }) => hop.startsWith(`${name}/`))?.mapping.name
    return writer !== undefined && isEarlierQueued !== undefined
      ? isEarlierQueued(writer, hop.slice(writer.length + 1))
      : false
  }

  /** The same change, to be stored as claimed events for the mappings that carry it out at once. */
  claimed(change: Change): Change {
    return claimed(change, this.#options.events)
  }

  /** Whether the change with this claim is being carried out here. */
  isUnderWay(claim: string): boolean {
    return this.#underWay.has(claim)
  }

  /**
   * Implicit synchronization of a write that has been stored: the mappings without queue in their order, up to the first
   * that fails. Never rejects. What a crash interrupts, and what nobody knows the outcome of, is left to the queue.
   */
  async synchronize(change: Change, context: RequestContext): Promise<SyncResults> {
    const { claim } = change
    const ends: Promise<void>[] = []
    if (claim === undefined) return this.#synchronize(change, context, ends)
    this.#underWay.add(claim)
    try {
      return await this.#synchronize(change, context, ends)
    } finally {
      void Promise.allSettled(ends).then(() => this.#underWay.delete(claim))
    }
  }

  /** @param ends gets the ends of what waits for its link */
  async #synchronize(change: Change, context: RequestContext, ends: Promise<void>[]): Promise<SyncResults> {
    const syncDetails: SyncDetail[] = []
    for (const mapping of this.mappingsFor(change).filter((one) => !isQueued(one))) {
      const claim = this.#claimOf(change, mapping)
      if (syncDetails.some(hasFailed)) {
        await claim?.end([])
        continue
      }
      const done = await this.#start(mapping, { ...change, intents: claim?.intents }, context)
      // What waits for its link waits for the caller of this change, and is audited.
      if (done !== 'later' && 'deferred' in done) ends.push(done.deferred.ended.then(() => claim?.end(done.details)))
      else if (done !== 'later') {
        await claim?.end(done)
        syncDetails.push(...done)
      }
    }
    return { success: !syncDetails.some(hasFailed), action: NOTIFY_ACTIONS[change.action], syncDetails }
  }

  /**
   * The same for a write whose events are not stored: stores them first.
   * @throws ResourceException when they cannot be stored; then nothing is carried over
   */
  async notify(change: Change, context: RequestContext): Promise<SyncResults> {
    const stored = this.claimed(change)
    await this.#options.events.add(this.eventsFor(stored, context))
    return this.synchronize(stored, context)
  }

  #claimOf({ claim, action, resourceId }: Change, { mapping }: ConfiguredMapping): Claim | undefined {
    const { events, log } = this.#options
    return claim === undefined
      ? undefined
      : new Claim({ claim, action, mapping: mapping.name, resourceId }, { events, log })
  }

  /** Whether the object is a target of the mapping before it in the chain, which shares its links and has not linked it. */
  async #lacksLink(
    { mapping }: ConfiguredMapping,
    links: LinkSpace,
    { resourceId, action }: Change,
    hop: string,
  ): Promise<boolean> {
    if (action === 'delete' || !links.enabled) return false
    const isWriter = ({ mapping: other }: ConfiguredMapping): boolean =>
      hop.startsWith(`${other.name}/`) && typeOf(other) === typeOf(mapping) && other.target === mapping.source
    if (!this.#options.parts.mappings.all().some(isWriter)) return false
    return (await links.bySources([links.sourceKey(resourceId)]).catch(() => [])).length === 0
  }

  async #inTurn(configured: ConfiguredMapping, change: Change, context: RequestContext, key: string) {
    const begin = performance.now()
    const { name } = configured.mapping
    const { locks } = this.#options.parts
    const hop = `${name}/${change.resourceId}`
    const { syncChain: chain = [] } = context
    const work = () => this.#carryOut(configured, change, callerWithin(context, hop), chain)
    const whole = async () => {
      locks.awaited.begin(hop)
      const details = await work()
      await locks.awaited.end(hop)
      return details
    }
    // What it is inside of has the source for itself.
    const alone = () => (chain.includes(hop) ? work() : locks.live(name, key, whole, chain.length > 0))
    const attributes = { 'openidm.mapping': name, 'openidm.sync.action': NOTIFY_ACTIONS[change.action] }
    const details = await traced('implicit synchronization', attributes, alone, outcomeOf)
    this.#options.metrics?.carriedOver(name, details, begin)
    return details
  }

  async #carryOut(
    configured: ConfiguredMapping,
    change: Change,
    caller: RequestContext,
    chain: Chain,
  ): Promise<SyncDetail[]> {
    const { parts, log } = this.#options
    const { mapping } = configured
    const hop = caller.syncChain?.at(-1) ?? ''
    const done: Row[] = []
    try {
      const tooLong = lengthFault(chain, hop)
      if (tooLong !== undefined) throw conflict(tooLong)
      const usable = await parts.mappings.usable(mapping.name)
      const { oldObject: oldSource, action } = change
      const intents = change.intents && besideRuns(change.intents, parts.runs, mapping.name, change.resourceId)
      const clientIds = await this.#learned.of(usable.mapping)
      const live = { oldSource, isDeleted: action === 'delete', intents, clientIds }
      const context = await singleContext(parts, usable, caller, { live })
      const goesRound = returnFault(chain, hop)
      const rows = await evaluateChange(context, change.resourceId, chain.length > 0)
      // What it is inside of may be about to change the link.
      const settled = chain.includes(hop) ? [] : await settleInterrupted(context, rows)
      done.push(...settled)
      for (const row of settled.length > 0 ? await evaluate(context, change.resourceId) : rows) {
        if (row.status === null && goesRound !== undefined) fail(row, conflict(goesRound))
        done.push(await carryOutRow(context, row, (_, qualifier) => again(context, change.resourceId, qualifier)))
      }
      await this.#learned.keep(usable.mapping)
    } catch (error) {
      const row = newRow({ phase: 'source', qualifier: 'default', sourceId: change.resourceId })
      fail(row, error)
      done.push(row)
    }
    for (const row of done) {
      if (row.status !== 'SUCCESS') log.warn(failureFacts(mapping.name, change, row), NOT_CARRIED_OVER)
      parts.observer?.performed(mapping, row, caller)
    }
    return done.map((row) => detailOf(mapping.name, row))
  }
}

const typeOf = ({ links, name }: ConfiguredMapping['mapping']): string => links ?? name

const NOT_CARRIED_OVER = 'a change of a source object was not carried over'

const failureFacts = (mapping: string, { collection, resourceId }: Change, { failure }: Row) => ({
  ...{ mapping, source: `${collection}/${resourceId}` },
  reason: failure?.message ?? 'the outcome is not known',
})

const again = async (context: RunContext, sourceId: string, qualifier: string): Promise<Row | undefined> =>
  (await evaluate(context, sourceId, qualifier))[0]

const hasFailed = ({ result }: SyncDetail): boolean => result === 'FAILED'

const outcomeOf = (details: readonly SyncDetail[]) => (details.some(hasFailed) ? { 'error.type': 'row' } : {})

function detailOf(mapping: string, row: Row): SyncDetail {
  const { situation, action, sourceId, targetId, qualifier: linkQualifier, ambiguous, target, status, failure } = row
  const { retryAfterMs } = row
  const isDone = status === 'SUCCESS'
  const { code = 500, reason = '', message = '' } = failure ?? {}
  return {
    reconId: null,
    mapping,
    situation: isSituation(situation) ? situation : null,
    action: isAction(action) ? (action satisfies Action) : null,
    sourceId: sourceId ?? '',
    linkQualifier,
    targetId,
    ambiguousTargetIds: ambiguous,
    oldTargetValue: target,
    ...(!isDone && {
      cause: {
        ...{ code: Number(code), reason: String(reason), message: String(message) },
        ...(retryAfterMs !== undefined && { retryAfterMs }),
        ...(status === 'UNKNOWN' && { isInDoubt: true }),
      },
    }),
    result: isDone ? 'SUCCESSFUL' : 'FAILED',
    targetObjectSet: isDone ? (row.result === undefined ? target : row.result) : null,
  }
}
