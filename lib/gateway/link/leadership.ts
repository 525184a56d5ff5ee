import type { Disposable, JsonObject, Logger, ReconcileOptions, Synchronization } from '../../contract.ts'
import { toResourceException } from '../../crest/errors.ts'
import type { RequestContext, ResourceHandler, ResourceRequest } from '../../crest/protocol/request.ts'
import type { Answer, ResourceRouter } from '../../crest/protocol/router.ts'
import type { Change, SyncResults } from '../../sync/live/change.ts'
import type { LiveChanges } from '../../sync/live/notifier.ts'
import {
  leaderMissing,
  parseAnswer,
  parseCall,
  printAnswer,
  printChange,
  printError,
  printReconcile,
  printRequest,
} from './leader-call.ts'
import type { LeaderLink, LeaderRole } from './leader-link.ts'

/** Routes that the leader serves for all workers: one process runs the reconciliations and schedules. */
const ROUTES: readonly string[] = [
  ...['recon', 'sync', 'sync/queue', 'audit/recon', 'repo/link', 'repo/synchronisation/deadLetterQueue'],
  ...['health/recon', 'health/queue', 'scheduler'],
]
/** Delay before a worker that could not lead stands for election again. */
const RETRY_MS = 1000

/** What the leader runs for all workers. */
export interface LeaderServices extends Synchronization, Disposable {
  readonly live: LiveChanges
}

export interface LeadershipOptions {
  readonly link: LeaderLink
  readonly router: ResourceRouter
  /** Starts the services of the leader. Disposing of them stops active runs in order. */
  readonly start: (routes: Pick<ResourceRouter, 'add'>) => Promise<LeaderServices>
  /** Aborts when the gateway begins to stop. */
  readonly signal: AbortSignal
  /** What the processes are that elect a leader, for messages. Default: workers. */
  readonly among?: 'worker' | 'node'
  readonly log: Logger
}

/**
 * A worker's part in the election of the leader. In all other workers requests on its routes are forwarded to it, after
 * their own filters: the answers are the same.
 */
export class Leadership implements LeaderRole, Disposable {
  readonly #options: LeadershipOptions
  readonly #forwarders = new Map<string, Disposable>()
  readonly #known = Promise.withResolvers<void>()
  #started: Promise<void> = Promise.resolve()
  #steppedDown: Promise<void> = Promise.resolve()
  #running: LeaderServices | undefined
  #retry: NodeJS.Timeout | undefined
  #serves = false
  #isClosed = false

  private constructor(options: LeadershipOptions) {
    this.#options = options
    for (const route of ROUTES) this.#forward(route)
  }

  /**
   * Resolves when a leader serves.
   * @throws what `start` throws when this worker is to lead
   */
  static async join(options: LeadershipOptions): Promise<Leadership> {
    const leadership = new Leadership(options)
    options.link.campaign(leadership)
    try {
      await leadership.#known.promise
      return leadership
    } catch (error) {
      await leadership.dispose()
      throw error
    }
  }

  lead(): void {
    this.#started = this.#start()
  }

  deposed(): void {
    this.#steppedDown = this.#stepDown()
  }

  led(): void {
    this.#known.resolve()
  }

  /** Runs a reconciliation in the leader: see the service `sync`. */
  async reconcile(mapping: string, options: ReconcileOptions = {}): Promise<JsonObject> {
    if (this.#serves && this.#running) return this.#running.reconcile(mapping, options)
    const answer = await this.#options.link.call(printReconcile(mapping, options), options.signal, true)
    return parseAnswer(answer) as JsonObject
  }

  /** Carries changes over in the leader. */
  get live(): LiveChanges {
    const run = (method: keyof LiveChanges) => (change: Change, context: RequestContext) =>
      this.#carryOver(method, change, context)
    return { notify: run('notify'), synchronize: run('synchronize') }
  }

  /** It goes on when the caller disconnects: the write that led to it is stored. */
  async #carryOver(method: keyof LiveChanges, change: Change, context: RequestContext): Promise<SyncResults> {
    if (this.#serves && this.#running) return this.#running.live[method](change, context)
    const { link, signal } = this.#options
    return parseAnswer(await link.call(printChange(method, change, context), signal, true)) as unknown as SyncResults
  }

  async answer(text: string, signal: AbortSignal): Promise<string> {
    try {
      if (!this.#serves || !this.#running) throw leaderMissing()
      const call = parseCall(text)
      if ('request' in call)
        return printAnswer(await this.#options.router.answer(call.request, { ...call.context, signal }))
      if ('change' in call) {
        const results = await this.#running.live[call.method](call.change, call.context)
        return printAnswer(results as unknown as Answer)
      }
      const { mapping, options } = call.reconcile
      return printAnswer(await this.#running.reconcile(mapping, { ...options, signal }))
    } catch (error) {
      this.#report(error)
      return printError(error)
    }
  }

  /** Stops active runs in order and answers their callers; then another worker may lead. */
  async dispose(): Promise<void> {
    const { link } = this.#options
    this.#isClosed = true
    clearTimeout(this.#retry)
    link.resign()
    await this.#started
    await this.#steppedDown
    this.#serves = false
    await this.#running?.dispose()
    await link.resigned()
    for (const forwarder of this.#forwarders.values()) await forwarder.dispose()
  }

  async #start(): Promise<void> {
    const { link, start, log, signal, among = 'worker' } = this.#options
    if (signal.aborted || this.#isClosed) return link.resigned()
    try {
      this.#running = await start({ add: (route, handler) => this.#take(route, handler) })
      this.#serves = true
      link.leading()
      log.info({}, `this ${among} runs reconciliations and schedules for all ${among}s`)
    } catch (error) {
      this.#known.reject(error)
      log.error({ err: error }, `this ${among} cannot run reconciliations and schedules`)
      await link.resigned()
      if (!this.#isClosed) this.#retry = setTimeout(() => link.campaign(this), RETRY_MS)
    }
  }

  /** What it runs for all stops; then it stands for election again. */
  async #stepDown(): Promise<void> {
    const { link } = this.#options
    await this.#started
    this.#serves = false
    const running = this.#running
    this.#running = undefined
    // One that could not start has resigned.
    if (!running || this.#isClosed) return
    await running.dispose()
    await link.resigned()
    if (!this.#isClosed) link.campaign(this)
  }

  /** The caller logs the answer, without the cause. */
  #report(error: unknown): void {
    const { code, cause, message } = toResourceException(error)
    if (cause !== undefined && code >= 500 && code !== 501) this.#options.log.error({ err: cause }, message)
  }

  #forward(route: string): void {
    this.#forwarders.set(route, this.#options.router.add(route, forwarder(route, this.#options.link)))
  }

  /** Replaces the forwarder of a route by its handler. */
  #take(route: string, handler: ResourceHandler): Disposable {
    const replaced = this.#forwarders.get(route)
    if (!replaced) throw new Error(`${route} is not a route of the leader`)
    void replaced.dispose()
    const added = this.#options.router.add(route, handler)
    return {
      dispose: () => {
        void added.dispose()
        this.#forward(route)
      },
    }
  }
}

/** Requests pass unchanged: the router of the leader projects fields and handles ids. */
function forwarder(route: string, link: LeaderLink): ResourceHandler {
  const forward = async (request: ResourceRequest, context: RequestContext) => {
    const resourcePath = request.resourcePath === '' ? route : `${route}/${request.resourcePath}`
    return parseAnswer(await link.call(printRequest({ ...request, resourcePath }, context), context.signal))
  }
  const typed = forward as <T>(request: ResourceRequest, context: RequestContext) => Promise<T>
  const answers = { create: typed, read: typed, update: typed, patch: typed, delete: typed }
  return { projectsFields: true, takesIdentity: true, ...answers, query: typed, action: typed }
}
