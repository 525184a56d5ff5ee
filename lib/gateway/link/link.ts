import cluster from 'node:cluster'
import type { HostProcesses, Json } from '../../contract.ts'
import { ResourceException, toResourceException } from '../../crest/errors.ts'
import { LeaderLink } from './leader-link.ts'
import type { FromWorker, Gather, NodeState, Outcome, Topic, ToWorker } from './messages.ts'

/** Environment variable with the id of the whole gateway; the primary process sets it for each worker. */
export const HOST_ID = 'OPENIDM_EXTERNAL_IDM_HOST_ID'

/** Environment variable with the origins where other workers already listen, separated by spaces. */
export const ORIGINS = 'OPENIDM_EXTERNAL_IDM_ORIGINS'

/** Environment variable with the origin where other workers listen for commands. */
export const LOCAL_ORIGIN = 'OPENIDM_EXTERNAL_IDM_LOCAL_ORIGIN'

/** Environment variable with the number of the node that this worker is. */
export const NODE_NUMBER = 'OPENIDM_EXTERNAL_IDM_NODE_NUMBER'

/** Whether this process is a worker of a multi-process gateway. */
export const isWorker = (): boolean => cluster.isWorker && process.env[HOST_ID] !== undefined

type Answer = Exclude<ToWorker, { type: 'stop' | 'reload' | 'left' | 'rescan' | 'gather' | 'leader' }>

/** A worker's link to the other processes of the gateway. */
export class WorkersLink implements HostProcesses {
  readonly hostId: string
  /**
   * Whether each worker opens its own socket on the shared port (SO_REUSEPORT). Elsewhere the primary process
   * distributes the connections; one in transit to a killed worker hangs until its client times out.
   */
  readonly reusesPorts = process.platform === 'linux'
  readonly stopRequested: Promise<void>
  /** The link to the leader, which runs synchronization for all workers. */
  readonly leader = new LeaderLink((message, written) => this.#send({ type: 'leader', message }, written))
  readonly #answers = new Map<number, (message: Answer) => void>()
  readonly #stop = Promise.withResolvers<void>()
  #lastId = 0
  #rescan: () => Promise<void> = async () => undefined
  #reload: () => void = () => undefined
  #left: ((pid: number) => void) | undefined
  /** Of processes that ended before anybody asked. */
  readonly #leftBefore: number[] = []
  readonly #parts = new Map<Topic, (about: Json) => Promise<Json>>()

  constructor() {
    this.hostId = process.env[HOST_ID] ?? ''
    this.stopRequested = this.#stop.promise
    process.on('message', (message: ToWorker) => this.#receive(message))
    this.#send({ type: 'hello' })
  }

  /** Which node of the gateway this worker is, from 1. */
  get nodeNumber(): number {
    return Number(process.env[NODE_NUMBER] ?? 1)
  }

  /** The names of the workers in a database that they share: this one, and which of them run. Other gateways have ended. */
  get processes(): { readonly own: string; readonly isLive: (name: string) => boolean } {
    const nameOf = (pid: number) => `${this.hostId}/${pid}`
    const isLive = (name: string) => {
      const pid = Number(name.slice(name.lastIndexOf('/') + 1))
      return name === nameOf(pid) && isRunning(pid)
    }
    return { own: nameOf(process.pid), isLive }
  }

  /** The ports to listen on: those of the running workers in place of any free port. */
  ports<T extends { readonly port?: number; readonly httpsPort?: number }>(wanted: T): T {
    const origins = (process.env[ORIGINS] ?? '')
      .split(' ')
      .filter(Boolean)
      .map((origin) => new URL(origin))
    const taken = (protocol: string) => Number(origins.find((origin) => origin.protocol === protocol)?.port ?? 0)
    return {
      ...wanted,
      ...(wanted.port === 0 && { port: taken('http:') }),
      ...(wanted.httpsPort === 0 && { httpsPort: taken('https:') }),
    }
  }

  /** The port of the listener for commands; 0 = any free port. */
  get localPort(): number {
    // Where the primary process distributes the connections, port 0 is the same one in all workers.
    const origin = this.reusesPorts && process.env[LOCAL_ORIGIN]
    return origin ? Number(new URL(origin).port) : 0
  }

  /** @param local of the listener for commands */
  ready(origins: readonly string[], local: string | undefined): void {
    this.#send({ type: 'ready', origins, local })
  }

  /** Reports a startup failure to the primary process; resolves when it is sent. */
  failed(message: string): Promise<void> {
    return new Promise((resolve) =>
      process.send?.({ type: 'failed', message } satisfies FromWorker, undefined, {}, () => resolve()),
    )
  }

  /** Registers the callback for configuration changes made by another process. */
  onRescan(rescan: () => Promise<void>): void {
    this.#rescan = rescan
  }

  /** Registers the callback for reload requests from the primary process. */
  onReload(reload: () => void): void {
    this.#reload = reload
  }

  /** Registers the callback for the end of the process of another worker; it is told of earlier ones, too. */
  onLeft(left: (pid: number) => void): void {
    this.#left = left
    for (const pid of this.#leftBefore.splice(0)) left(pid)
  }

  /** Runs `work` while no other process runs work with the same key. */
  async alone<T>(key: string, work: () => Promise<T>): Promise<T> {
    const { id } = await this.#ask((id) => ({ type: 'acquire', id, kind: 'exclusive', key }))
    try {
      return await work()
    } finally {
      this.#send({ type: 'release', id })
    }
  }

  async share(key: string, work: () => Promise<Json>): Promise<Json> {
    const answer = await this.#ask((id) => ({ type: 'acquire', id, kind: 'shared', key }))
    if (answer.type === 'outcome') return resultOf(answer.outcome)
    try {
      const result = await work()
      this.#send({ type: 'release', id: answer.id, outcome: { result } })
      return result
    } catch (error) {
      const { code, message } = toResourceException(error)
      this.#send({ type: 'release', id: answer.id, outcome: { error: { code, message } } })
      throw error
    }
  }

  /** Resolves when all other processes have applied the current conf directory. */
  async rescanOthers(): Promise<void> {
    await this.#ask((id) => ({ type: 'rescan', id }))
  }

  /** Registers the callback for this process's part when another process gathers. */
  onGather(topic: Topic, part: (about: Json) => Promise<Json>): void {
    this.#parts.set(topic, part)
  }

  /**
   * The parts of the other processes, except those that do not answer in time.
   * @param about what of their parts is wanted
   */
  async gather(topic: Topic, about: Json = null): Promise<readonly Json[]> {
    const answer = await this.#ask((id) => ({ type: 'gather', id, topic, about }))
    return answer.type === 'gathered' ? answer.parts : []
  }

  /** The nodes of the gateway, by number. */
  async nodes(): Promise<readonly NodeState[]> {
    const answer = await this.#ask((id) => ({ type: 'nodes', id }))
    return answer.type === 'nodes' ? answer.nodes : []
  }

  #receive(message: ToWorker): void {
    if (message.type === 'stop') this.#stop.resolve()
    else if (message.type === 'reload') this.#reload()
    else if (message.type === 'left') (this.#left ?? ((pid) => this.#leftBefore.push(pid)))(message.pid)
    else if (message.type === 'rescan') void this.#rescanHere(message.id)
    else if (message.type === 'leader') this.leader.receive(message.message)
    else if (message.type === 'gather') void this.#tell(message)
    else {
      const answer = this.#answers.get(message.id)
      this.#answers.delete(message.id)
      answer?.(message)
    }
  }

  async #rescanHere(id: number): Promise<void> {
    // This process logs the failure; do not block the others.
    await this.#rescan().catch(() => undefined)
    this.#send({ type: 'rescanned', id })
  }

  async #tell({ id, topic, about }: Gather): Promise<void> {
    const part = this.#parts.get(topic)
    this.#send({ type: 'part', id, part: (await part?.(about).catch(() => null)) ?? null })
  }

  #ask(request: (id: number) => FromWorker): Promise<Answer> {
    const id = ++this.#lastId
    return new Promise((resolve) => {
      this.#answers.set(id, resolve)
      this.#send(request(id))
    })
  }

  /** @param written called when the message is written */
  #send(message: FromWorker, written?: () => void): void {
    // A worker without the primary process is about to exit.
    if (process.connected) process.send?.(message, undefined, {}, written)
    else written?.()
  }
}

function resultOf(outcome: Outcome): Json {
  if ('result' in outcome) return outcome.result
  throw new ResourceException(outcome.error.code, outcome.error.message)
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
