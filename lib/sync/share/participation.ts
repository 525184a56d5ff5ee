import type { RunParticipants } from '../../repo/runs/run-participants.ts'
import type { CheckedRow } from '../apply/plan-check.ts'
import { settleWindow } from '../apply/settling.ts'
import type { ApplyingKind } from '../apply/window-applier.ts'
import type { RunContext } from '../context/run-context.ts'
import { NodeLost, type RunNodes } from '../context/run-nodes.ts'
import type { RunOptions } from '../context/run-options.ts'
import type { SourceLocks } from '../context/source-locks.ts'
import type { Window } from './row-queue.ts'
import { exceptionOf, neighboursOf, parseAnswer, printTask, type Task, type WindowAnswer } from './tasks.ts'

export interface ParticipationOptions {
  readonly context: RunContext
  readonly kind: ApplyingKind
  readonly nodes: RunNodes
  readonly node: string
  /** Keep implicit synchronization and rows of runs apart. */
  readonly locks: SourceLocks | undefined
}

/** How often the lease of a node that does not answer is looked at. */
const WATCH_MS = 1000

/** The part of another node in a run, as its coordinator sees it. */
export class Participation {
  readonly #options: ParticipationOptions
  readonly #participants: RunParticipants | undefined
  #ticket = 0
  /** It has failed, and gets no further rows. */
  isLost = false
  /** Why no further row of the run can be carried out. */
  fault: unknown

  constructor(options: ParticipationOptions) {
    this.#options = options
    this.#participants = options.context.parts.runs.participants
  }

  /** @returns `refused` when the node has other mappings in force; `lost` when it does not answer */
  async begin(signal: AbortSignal): Promise<'joined' | 'refused' | 'lost'> {
    const { context, kind, node } = this.#options
    const { id, number, options, mappings } = context.parts
    this.#ticket = (await this.#participants?.admit(number, node)) ?? 0
    try {
      const run = { id, number, kind, mapping: context.mapping.name, options: optionsFor(options) }
      const facts = { neighbours: neighboursOf(mappings), shown: context.relationships.shown }
      await this.#call({ type: 'join', ticket: this.#ticket, ...run, ...facts }, signal)
      return 'joined'
    } catch (error) {
      await this.#end(error)
      return error instanceof NodeLost ? 'lost' : 'refused'
    }
  }

  /** Whether it may carry out a window: `never` leaves it to the coordinator. */
  suits(window: Window): 'now' | 'later' | 'never' {
    const { context, locks } = this.#options
    // Until one answer tells whether the target keeps ids, at most one creation is under way.
    if (context.clientIds.areKept === undefined && window.some(({ action }) => action === 'CREATE')) return 'later'
    // Its rows would wait for the change of one source.
    return this.#keysOf(window).some((key) => locks?.isBusy(context.mapping.name, key)) ? 'never' : 'now'
  }

  /**
   * Has the rows of a window carried out, and takes over what was learned.
   * @returns the rows that are left
   */
  async carryOut(
    window: Window,
    creations: ReadonlyMap<number, CheckedRow> | undefined,
    signal: AbortSignal,
  ): Promise<Window> {
    const { context, locks } = this.#options
    const keys = this.#keysOf(window)
    return this.#holding(keys, async () => {
      const touched = keys.filter((key) => locks?.isTouched(context.mapping.name, key))
      const [first, last, count] = [window[0]?.key ?? 0, window.at(-1)?.key ?? 0, window.length]
      const known = creations && window.flatMap(({ key }) => creations.get(key) ?? [])
      const facts = { touched, clientIds: context.clientIds.known, hidden: context.sentValues.hidden }
      try {
        const answer = await this.#call(
          { type: 'window', ticket: this.#ticket, first, last, count, creations: known, ...facts },
          signal,
        )
        if (answer) await this.#learn(answer)
        return []
      } catch (error) {
        await this.#end(error)
        return this.#recover(window)
      }
    })
  }

  async leave(): Promise<void> {
    // One that cannot be told leaves when its lease is over.
    await this.#call({ type: 'leave', ticket: this.#ticket }, AbortSignal.timeout(WATCH_MS)).catch(() => undefined)
  }

  #keysOf(window: Window): string[] {
    const { links } = this.#options.context
    return [...new Set(window.flatMap(({ sourceId }) => (sourceId === null ? [] : links.sourceKey(sourceId))))]
  }

  /** Excludes implicit synchronization of sources while another process works on their rows. */
  async #holding<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const { context, locks } = this.#options
    if (!locks) return work()
    const { promise: ended, resolve: end } = Promise.withResolvers<void>()
    const turns = keys.map(
      (key) =>
        new Promise<void>((begin) => {
          const hold = () => {
            begin()
            return ended
          }
          void locks.row(context.mapping.name, key, hold)
        }),
    )
    try {
      await Promise.all(turns)
      return await work()
    } finally {
      end()
    }
  }

  /** @throws NodeLost, or ResourceException as the node has thrown it */
  async #call(task: Task, signal: AbortSignal): Promise<WindowAnswer | null> {
    const { nodes, node } = this.#options
    const { promise: lost, reject } = Promise.withResolvers<never>()
    const watch = setInterval(async () => {
      const isHeld = await this.#participants?.isHeld(this.#ticket).catch(() => true)
      if (!isHeld) reject(new NodeLost(false))
    }, WATCH_MS)
    try {
      return parseAnswer(await Promise.race([nodes.call(node, printTask(task), signal), lost]))
    } finally {
      clearInterval(watch)
    }
  }

  async #learn({ counted, durations, clientIds, hidden, linked, unlinked, fault }: WindowAnswer): Promise<void> {
    const { context, node, locks } = this.#options
    context.statistics.add(node, counted)
    context.durations.add(durations)
    context.clientIds.learn(clientIds)
    context.sentValues.learn(hidden)
    if (fault) this.fault = exceptionOf(fault)
    for (const place of unlinked) locks?.awaited.forget(place)
    for (const place of linked) await locks?.awaited.linked(place)
  }

  /** From now on it writes nothing. */
  async #end(error: unknown): Promise<void> {
    const { context, node } = this.#options
    this.isLost = true
    const hasEnded = error instanceof NodeLost && error.hasEnded
    if (!context.signal.aborted)
      context.parts.log.warn(
        { reconId: context.parts.id, node, err: error },
        `${node} no longer takes part in the reconciliation of ${context.mapping.name}`,
      )
    if (hasEnded) await this.#participants?.end(this.#ticket)
    else await this.#participants?.dismiss(this.#ticket)
  }

  /** Finds out what became of the rows of a window. @returns those that wait again */
  async #recover(window: Window): Promise<Window> {
    const { context, node } = this.#options
    const keys = window.map(({ key }) => key)
    await settleWindow(context, keys)
    context.statistics.ended(node, await context.rows.tally(keys))
    const own = new Set(keys)
    const waiting = await context.rows.waitingPlaces((keys[0] ?? 1) - 1, keys.length)
    return waiting.filter(({ key }) => own.has(key))
  }
}

/** What carrying out rows depends on. */
const optionsFor = ({ action, overrides, acceptedBy, digest }: RunOptions): RunOptions => ({
  ...{ action, ids: [], isAnalysis: false, persists: true, overrides },
  ...(acceptedBy !== undefined && { acceptedBy }),
  ...(digest && { digest }),
})
