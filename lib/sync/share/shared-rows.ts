import type { Row } from '../../repo/runs/run-row.ts'
import type { WaitingRows } from '../apply/applying.ts'
import type { ApplyingKind } from '../apply/window-applier.ts'
import type { RunContext } from '../context/run-context.ts'
import type { RunNodes } from '../context/run-nodes.ts'
import type { SourceLocks } from '../context/source-locks.ts'
import { Participation } from './participation.ts'
import { isWorthSharing, RowQueue, type Window, WindowSize } from './row-queue.ts'

export interface SharedRowsOptions {
  readonly context: RunContext
  readonly kind: ApplyingKind
  /** Absent: this process carries out all rows. */
  readonly nodes: RunNodes | undefined
  readonly locks: SourceLocks | undefined
}

/** How often a run looks for nodes that have come since. */
const RECRUITING_MS = 5000

/** What one pass over the waiting rows consists of. */
interface Pass extends WaitingRows {
  readonly nodes: RunNodes
  readonly own: string
  readonly queue: RowQueue
  /** Aborts when the others are to stop. */
  readonly halt: AbortController
  readonly lanes: Map<string, Promise<void>>
  /** Nodes that have rows, or may have. */
  readonly joined: Set<string>
  /** Nodes that do not take part. */
  readonly excluded: Set<string>
  failure?: { readonly error: unknown }
}

/**
 * Shares the rows of a run with other nodes. This process coordinates it, and carries out rows as well: the run is its own,
 * with guards, report and end.
 */
export class SharedRows {
  readonly #options: SharedRowsOptions
  #recruitedAt = 0

  constructor(options: SharedRowsOptions) {
    this.#options = options
  }

  /** See `Share`. @throws what stops the run */
  async carryOut(waiting: WaitingRows): Promise<boolean> {
    const { context, nodes } = this.#options
    const { mapping, parts, statistics } = context
    const mayShare = mapping.clusteredSourceReconEnabled && !parts.options.undo && parts.options.digest !== undefined
    if (!nodes || !parts.runs.participants || !mayShare) return false
    const { own, others } = await nodes.known()
    statistics.node = own
    if (others.length === 0 || !(await isWorthSharing(context))) return false
    await context.persist(true)
    const queue = new RowQueue(context)
    const pass: Pass = {
      ...waiting,
      nodes,
      own,
      queue,
      halt: new AbortController(),
      lanes: new Map(),
      joined: new Set(),
      excluded: new Set(),
    }
    const stop = () => this.#stop(pass)
    context.signal.addEventListener('abort', stop, { once: true })
    try {
      this.#recruit(pass, others)
      await this.#ownLane(pass).catch((error: unknown) => this.#stop(pass, { error }))
      // A node that has just died does not answer, and never had a row.
      await Promise.all([...pass.joined].map((node) => pass.lanes.get(node)))
      context.checkCanceled()
      if (pass.failure) throw pass.failure.error
    } finally {
      context.signal.removeEventListener('abort', stop)
    }
    // The others have seen what the target does not show.
    await context.sentValues.load()
    return true
  }

  #stop(pass: Pass, failure?: Pass['failure']): void {
    if (failure) pass.failure ??= failure
    pass.queue.stop()
    pass.halt.abort()
  }

  async #ownLane(pass: Pass): Promise<void> {
    const { context } = this.#options
    const { applier, creations, queue } = pass
    const size = new WindowSize()
    for (let window = await queue.next(size.rows); window; window = await queue.next(size.rows)) {
      const begin = performance.now()
      this.#enter(window)
      try {
        const rows = await rowsOf(context, window)
        await applier.carryOut(creations ? await applier.check(rows, creations) : rows.map((row) => ({ row })))
      } finally {
        queue.end(window)
      }
      if (applier.fault !== undefined) return this.#stop(pass)
      size.note(window.length, performance.now() - begin)
      await context.persist()
      await this.#recruitAgain(pass)
    }
  }

  #recruit(pass: Pass, nodes: readonly string[]): void {
    this.#recruitedAt = performance.now()
    for (const node of nodes) {
      if (pass.lanes.has(node) || pass.excluded.has(node)) continue
      const lane = this.#lane(pass, node)
        .catch((error: unknown) => this.#stop(pass, { error }))
        .finally(() => {
          pass.lanes.delete(node)
          pass.joined.delete(node)
        })
      pass.lanes.set(node, lane)
    }
  }

  async #recruitAgain(pass: Pass): Promise<void> {
    if (performance.now() - this.#recruitedAt > RECRUITING_MS) this.#recruit(pass, (await pass.nodes.known()).others)
  }

  /** Hands windows to a node until none are left, or it fails: then others carry them out. */
  async #lane(pass: Pass, node: string): Promise<void> {
    const { context, locks } = this.#options
    const { queue, nodes, halt, creations } = pass
    const participation = new Participation({ context, kind: this.#options.kind, nodes, node, locks })
    const how = await participation.begin(halt.signal)
    if (how === 'refused') pass.excluded.add(node)
    if (how !== 'joined') return
    pass.joined.add(node)
    const size = new WindowSize()
    const suits = (window: Window) => participation.suits(window)
    for (let window = await queue.next(size.rows, suits); window; window = await queue.next(size.rows, suits)) {
      const begin = performance.now()
      this.#enter(window)
      let left: Window | undefined = []
      try {
        left = await participation.carryOut(window, creations, halt.signal)
      } finally {
        queue.end(window, left)
      }
      if (participation.fault !== undefined) this.#stop(pass, { error: participation.fault })
      if (participation.isLost) return
      size.note(window.length, performance.now() - begin)
    }
    await participation.leave()
  }

  #enter([first]: Window): void {
    if (first?.phase === 'target') this.#options.context.enter('ACTIVE_RECONCILING_TARGET')
  }
}

/** The rows of a window that still wait. */
async function rowsOf({ rows }: RunContext, window: Window): Promise<Row[]> {
  const keys = new Set(window.map(({ key }) => key))
  const found = await rows.waiting((window[0]?.key ?? 1) - 1, window.length)
  return found.filter(({ key }) => keys.has(key))
}
