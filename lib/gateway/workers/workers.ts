import cluster, { type Worker } from 'node:cluster'
import { randomBytes } from 'node:crypto'
import type { Logger } from '../../contract.ts'
import type { GatewayOptions } from '../gateway.ts'
import { Listener } from '../http/listener.ts'
import { HOST_ID, ORIGINS } from '../link/link.ts'
import type { FromWorker } from '../link/messages.ts'
import { StartError } from '../project/start-error.ts'
import { type Member, WorkersBoard } from './board.ts'
import { RestartPause } from './pause.ts'

type Where = Pick<GatewayOptions, 'host' | 'port' | 'httpsPort'>

/**
 * The worker processes of a gateway, seen from the first process: started one after the other, replaced when they die,
 * stopped together. They share the ports (node:cluster); all of them run the command line of this process.
 */
export class Workers {
  readonly #log: Logger
  readonly #board = new WorkersBoard()
  readonly #hostId = randomBytes(6).toString('hex')
  #origins: readonly string[] = []
  readonly #listening = new WeakSet<Worker>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #stopping = false
  readonly #pause = new RestartPause()

  private constructor(log: Logger) {
    this.#log = log
  }

  /**
   * Resolves when all of them serve requests. The first one is alone in making the files that it finds missing, and in
   * failing for what would have all of them fail.
   * @param options where: that nobody else listens there is seen here, for workers would share a port with anybody
   * @throws StartError why the first that could not start did not; none is left then
   */
  static async start(
    count: number,
    options: Where,
    log: Logger,
  ): Promise<{ workers: Workers; origins: readonly string[] }> {
    for (const port of [options.port, options.httpsPort]) await assertFree(options.host, port)
    const workers = new Workers(log)
    try {
      const origins = await workers.#add()
      workers.#origins = origins
      await Promise.all(Array.from({ length: count - 1 }, () => workers.#add()))
      return { workers, origins }
    } catch (error) {
      await workers.stop()
      throw error
    }
  }

  /** Each finishes the requests that it has; resolves when all have ended. */
  async stop(): Promise<void> {
    this.#stopping = true
    for (const timer of this.#timers) clearTimeout(timer)
    const running = Object.values(cluster.workers ?? {}).filter((worker) => worker && !worker.isDead())
    await Promise.all(running.map((worker) => worker && this.#stopOne(worker)))
  }

  /** Each takes up what has changed on disk. */
  reload(): void {
    for (const worker of Object.values(cluster.workers ?? {}))
      if (worker?.isConnected() && this.#listening.has(worker)) worker.send({ type: 'reload' })
  }

  /** @returns where it listens, once it does */
  #add(): Promise<readonly string[]> {
    const worker = cluster.fork({ [HOST_ID]: this.#hostId, [ORIGINS]: this.#origins.join(' ') })
    const began = performance.now()
    const member: Member = { send: (message) => worker.isConnected() && worker.send(message) }
    return new Promise((resolve, reject) => {
      let isReady = false
      let why = 'it ended before it was ready'
      // A message that came too late for it; without a listener that would be the end of this process.
      worker.on('error', (error) => this.#log.debug({ err: error }, 'a worker could not be told'))
      worker.on('message', (message: FromWorker) => {
        if (message.type === 'hello') this.#greet(worker, member)
        else if (message.type === 'ready') {
          isReady = true
          resolve(message.origins)
        } else if (message.type === 'failed') why = message.message
        else this.#board.receive(member, message)
      })
      worker.once('exit', (code: number | null, signal: string | null) => {
        this.#board.leave(member)
        if (isReady) this.#died(worker, { code, signal }, performance.now() - began)
        else reject(new StartError(why))
      })
    })
  }

  #greet(worker: Worker, member: Member): void {
    this.#listening.add(worker)
    this.#board.join(member)
    if (this.#stopping) member.send({ type: 'stop' })
  }

  #stopOne(worker: Worker): Promise<void> {
    return new Promise((resolve) => {
      worker.once('exit', () => resolve())
      if (!worker.isConnected()) return
      if (this.#listening.has(worker)) worker.send({ type: 'stop' })
      // It serves nobody yet.
      else worker.process.kill('SIGTERM')
    })
  }

  #died({ process: { pid } }: Worker, exit: { code: number | null; signal: string | null }, lived: number): void {
    if (this.#stopping) return
    this.#log.error({ pid, ...exit }, 'a worker has ended unasked; another one is started')
    this.#replace(lived)
  }

  #replace(lived: number): void {
    if (this.#stopping) return
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.#add().then(
        () => this.#log.info({}, 'another worker serves in its place'),
        (error: Error) => {
          if (!this.#stopping) this.#log.error({}, `a worker could not be started: ${error.message}`)
          this.#replace(0)
        },
      )
    }, this.#pause.next(lived))
    this.#timers.add(timer)
  }
}

async function assertFree(host: string, port: number | undefined): Promise<void> {
  if (port === undefined || port === 0) return
  const listener = await Listener.open({ host, port, onRequest: () => undefined })
  await listener.close(AbortSignal.abort())
}
