import cluster, { type Worker } from 'node:cluster'
import { randomBytes } from 'node:crypto'
import type { Logger } from '../../contract.ts'
import type { GatewayOptions } from '../gateway.ts'
import { Listener } from '../http/listener.ts'
import { HOST_ID, LOCAL_ORIGIN, NODE_NUMBER, ORIGINS } from '../link/link.ts'
import type { FromWorker, NodeExit } from '../link/messages.ts'
import { StartError } from '../project/start-error.ts'
import { type Member, WorkerCoordinator } from './coordinator.ts'
import { Nodes } from './nodes.ts'
import { RestartBackoff } from './restart-backoff.ts'

/** Where workers listen. */
interface Addresses {
  readonly origins: readonly string[]
  /** For commands. */
  readonly local?: string | undefined
}

type ListenOptions = Pick<GatewayOptions, 'host' | 'port' | 'httpsPort'>

/**
 * Manages the worker processes from the primary process: starts them, replaces crashed ones, stops them together. They
 * share the ports (node:cluster); each runs the command line of this process.
 */
export class Workers {
  readonly #log: Logger
  readonly #coordinator = new WorkerCoordinator()
  readonly #hostId = randomBytes(6).toString('hex')
  readonly #nodes = new Nodes((member) => this.#coordinator.leads(member))
  #addresses: Addresses = { origins: [] }
  readonly #listening = new WeakSet<Worker>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #stopping = false
  readonly #backoff = new RestartBackoff()

  private constructor(log: Logger) {
    this.#log = log
  }

  /**
   * Resolves when all workers serve requests. The first one starts alone: it creates missing files, and fails on faults
   * that would stop all workers.
   * @param options checked for port conflicts here, since workers could share a port with unrelated processes
   * @throws StartError with the reason of the first failure; all workers are stopped then
   */
  static async start(count: number, options: ListenOptions, log: Logger): Promise<{ workers: Workers } & Addresses> {
    for (const port of [options.port, options.httpsPort]) await assertFree(options.host, port)
    const workers = new Workers(log)
    try {
      workers.#addresses = await workers.#add(1)
      await Promise.all(Array.from({ length: count - 1 }, (_, index) => workers.#add(index + 2)))
      return { workers, ...workers.#addresses }
    } catch (error) {
      await workers.stop()
      throw error
    }
  }

  /** Each worker finishes its requests; resolves when all have exited. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#coordinator.close()
    for (const timer of this.#timers) clearTimeout(timer)
    const running = Object.values(cluster.workers ?? {}).filter((worker) => worker && !worker.isDead())
    await Promise.all(running.map((worker) => worker && this.#stopOne(worker)))
  }

  /** Each worker applies changes on disk. */
  reload(): void {
    for (const worker of Object.values(cluster.workers ?? {}))
      if (worker?.isConnected() && this.#listening.has(worker)) worker.send({ type: 'reload' })
  }

  /** Resolves when it serves requests. @param node its number */
  #add(node: number): Promise<Addresses> {
    const { origins, local = '' } = this.#addresses
    const place = { [HOST_ID]: this.#hostId, [NODE_NUMBER]: String(node) }
    const worker = cluster.fork({ ...place, [ORIGINS]: origins.join(' '), [LOCAL_ORIGIN]: local })
    const began = performance.now()
    const startup = new Date()
    const member: Member = { send: (message) => worker.isConnected() && worker.send(message) }
    return new Promise((resolve, reject) => {
      let isReady = false
      let why = 'a worker exited before it was ready'
      // Raised when a message cannot be delivered; without a listener this process would exit.
      worker.on('error', (error) => this.#log.debug({ err: error }, 'a message to a worker could not be delivered'))
      worker.on('message', (message: FromWorker) => {
        if (message.type === 'hello') this.#greet(worker, member)
        else if (message.type === 'ready') {
          isReady = true
          this.#nodes.started(node, { member, pid: worker.process.pid ?? 0, startup })
          resolve(message)
        } else if (message.type === 'failed') why = message.message
        else if (message.type === 'nodes') member.send({ type: 'nodes', id: message.id, nodes: this.#nodes.list() })
        else this.#coordinator.receive(member, message)
      })
      worker.once('exit', (code: number | null, signal: string | null) => {
        this.#coordinator.leave(member, worker.process.pid)
        if (!isReady) return reject(new StartError(why))
        this.#nodes.ended(node, { code, signal })
        this.#died(worker, node, { code, signal }, performance.now() - began)
      })
    })
  }

  #greet(worker: Worker, member: Member): void {
    this.#listening.add(worker)
    this.#coordinator.join(member)
    if (this.#stopping) member.send({ type: 'stop' })
  }

  #stopOne(worker: Worker): Promise<void> {
    return new Promise((resolve) => {
      worker.once('exit', () => resolve())
      if (!worker.isConnected()) return
      if (this.#listening.has(worker)) worker.send({ type: 'stop' })
      // It has no requests yet.
      else worker.process.kill('SIGTERM')
    })
  }

  #died({ process: { pid } }: Worker, node: number, exit: Pick<NodeExit, 'code' | 'signal'>, uptime: number): void {
    if (this.#stopping) return
    this.#log.error({ pid, ...exit }, 'worker exited unexpectedly; starting another')
    this.#replace(node, uptime)
  }

  #replace(node: number, uptime: number): void {
    if (this.#stopping) return
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.#add(node).then(
        () => this.#log.info({}, 'replacement worker is ready'),
        (error: Error) => {
          if (!this.#stopping) this.#log.error({}, `worker could not be started: ${error.message}`)
          this.#replace(node, 0)
        },
      )
    }, this.#backoff.next(uptime))
    this.#timers.add(timer)
  }
}

async function assertFree(host: string, port: number | undefined): Promise<void> {
  if (port === undefined || port === 0) return
  const listener = await Listener.open({ host, port, onRequest: () => undefined })
  await listener.close(AbortSignal.abort())
}
