import type { JsonObject } from '../../contract.ts'
import { internalError } from '../../crest/errors.ts'
import { WindowApplier } from '../apply/window-applier.ts'
import { RunContext, type RunServices } from '../context/run-context.ts'
import { unsettledOf } from '../context/unsettled.ts'
import type { Mapping } from '../mapping/mapping.ts'
import { Lease } from './lease.ts'
import { RowNotes } from './row-notes.ts'
import { errorOf, type JoinTask, type WindowAnswer, type WindowTask } from './tasks.ts'

export interface SessionOptions {
  readonly parts: RunServices & {
    readonly mapping: Mapping
    readonly config: JsonObject
    readonly mappings: readonly Mapping[]
  }
  readonly task: JoinTask
  /** Called when it has left. */
  readonly leave: () => void
  /** How long it waits for a task, in milliseconds. */
  readonly idleMs: number
}

interface SessionParts {
  readonly context: RunContext
  readonly applier: WindowApplier
  readonly notes: RowNotes
  readonly lease: Lease
  readonly abort: AbortController
}

/** The part of one participant in one run. */
export class Session {
  readonly #parts: SessionParts
  readonly #options: SessionOptions
  readonly #idle: NodeJS.Timeout
  #working: Promise<unknown> = Promise.resolve()
  #left: Promise<void> | undefined

  private constructor(options: SessionOptions, parts: SessionParts) {
    this.#options = options
    this.#parts = parts
    this.#idle = setTimeout(() => void this.leave(), options.idleMs)
    parts.lease.signal.addEventListener('abort', () => void this.leave(), { once: true })
  }

  /** @throws ResourceException when the participation has ended already, or the database cannot be read */
  static async open(options: SessionOptions): Promise<Session> {
    const { parts, task } = options
    const { ticket, id, number, kind, shown } = task
    const { participants } = parts.runs
    if (!participants) throw internalError('Runs are carried out by one process')
    const lease = await Lease.take(participants, ticket)
    const abort = new AbortController()
    const notes = new RowNotes()
    const services = { ...parts, locks: notes, ...lease.guard(parts) }
    const own = { id, number, ticket, options: task.options, snapshot: parts.runs.snapshot(number) }
    const context = new RunContext({ ...services, ...own }, abort.signal)
    // Its coordinator knows how many there are.
    context.statistics.sources = Number.POSITIVE_INFINITY
    context.relationships.learn(shown)
    await context.sentValues.load()
    context.unsettled = await unsettledOf(context)
    return new Session(options, { context, applier: new WindowApplier(context, kind), notes, lease, abort })
  }

  /**
   * Carries out rows. Where `signal` ends that early, the answer tells what was done.
   * @throws ResourceException when rows cannot be read or stored
   */
  async carryOut(task: WindowTask, signal: AbortSignal): Promise<WindowAnswer> {
    const { abort } = this.#parts
    const stop = () => abort.abort(signal.reason)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    this.#idle.refresh()
    const working = this.#carryOut(task)
    this.#working = working.catch(() => undefined)
    try {
      return await working
    } finally {
      signal.removeEventListener('abort', stop)
      this.#idle.refresh()
      // What was aborted does not go on.
      if (abort.signal.aborted) void this.leave()
    }
  }

  /** Begins no further row; resolves when what was begun has ended. */
  leave(): Promise<void> {
    this.#left ??= this.#leave()
    return this.#left
  }

  async #leave(): Promise<void> {
    const { abort, lease } = this.#parts
    clearTimeout(this.#idle)
    if (!abort.signal.aborted) abort.abort(new Error('This node leaves the reconciliation'))
    await this.#working
    await lease.end().catch(() => undefined)
    this.#options.leave()
  }

  async #carryOut({ first, last, count, creations, touched, clientIds, hidden }: WindowTask): Promise<WindowAnswer> {
    const { context, applier, notes, abort } = this.#parts
    context.clientIds.learn(clientIds)
    context.sentValues.learn(hidden)
    notes.begin(touched)
    try {
      const rows = (await context.rows.waiting(first - 1, count)).filter(({ key }) => key <= last)
      const known = creations && new Map(creations.map((one) => [one.row.key, one] as const))
      await applier.carryOut(known ? await applier.check(rows, known) : rows.map((row) => ({ row })))
    } catch (error) {
      if (!abort.signal.aborted) throw error
    }
    await applier.commits()
    const { fault } = applier
    return {
      counted: context.statistics.take(),
      durations: context.durations.take(),
      clientIds: context.clientIds.known,
      hidden: context.sentValues.hidden,
      ...notes.take(),
      ...(fault !== undefined && { fault: errorOf(fault) }),
    }
  }
}
