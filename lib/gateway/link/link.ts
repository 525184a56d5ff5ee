import cluster from 'node:cluster'
import type { HostProcesses, Json } from '../../contract.ts'
import { ResourceException, toResourceException } from '../../crest/errors.ts'
import type { FromWorker, Outcome, ToWorker } from './messages.ts'

/** Names the gateway as a whole, handed to each worker by the first process. */
export const HOST_ID = 'OPENIDM_EXTERNAL_IDM_HOST_ID'

/** Where the others listen already: origins, separated by spaces. */
export const ORIGINS = 'OPENIDM_EXTERNAL_IDM_ORIGINS'

/** Whether this process is a worker of a gateway with several. */
export const isWorker = (): boolean => cluster.isWorker && process.env[HOST_ID] !== undefined

type Answer = Exclude<ToWorker, { type: 'stop' | 'reload' }>

/** The other processes of the gateway, as one of its workers sees them. */
export class WorkersLink implements HostProcesses {
  readonly hostId: string
  /**
   * Whether each worker has a socket of its own for the same port. Where the system has none, the first process hands
   * out the connections; then one that is on its way to a worker when that is killed hangs until its client gives up.
   */
  readonly reusesPorts = process.platform === 'linux'
  readonly stopRequested: Promise<void>
  readonly #answers = new Map<number, (message: Answer) => void>()
  readonly #stop = Promise.withResolvers<void>()
  #lastId = 0
  #rescan: () => Promise<void> = async () => undefined
  #reload: () => void = () => undefined

  constructor() {
    this.hostId = process.env[HOST_ID] ?? ''
    this.stopRequested = this.#stop.promise
    process.on('message', (message: ToWorker) => this.#receive(message))
    this.#send({ type: 'hello' })
  }

  /** The ports to listen on: those of the others, where any free one will do. */
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

  ready(origins: readonly string[]): void {
    this.#send({ type: 'ready', origins })
  }

  /** Resolves when the first process knows why this one does not start. */
  failed(message: string): Promise<void> {
    return new Promise((resolve) =>
      process.send?.({ type: 'failed', message } satisfies FromWorker, undefined, {}, () => resolve()),
    )
  }

  /** What to do when another process has changed the configuration. */
  onRescan(rescan: () => Promise<void>): void {
    this.#rescan = rescan
  }

  /** What to do when the first process is told to reload. */
  onReload(reload: () => void): void {
    this.#reload = reload
  }

  /** Runs `work` while no other process runs one of this key. */
  async alone<T>(key: string, work: () => Promise<T>): Promise<T> {
    const { id } = await this.#ask((id) => ({ type: 'turn', id, kind: 'alone', key }))
    try {
      return await work()
    } finally {
      this.#send({ type: 'over', id })
    }
  }

  async share(key: string, work: () => Promise<Json>): Promise<Json> {
    const answer = await this.#ask((id) => ({ type: 'turn', id, kind: 'share', key }))
    if (answer.type === 'outcome') return resultOf(answer.outcome)
    try {
      const result = await work()
      this.#send({ type: 'over', id: answer.id, outcome: { result } })
      return result
    } catch (error) {
      const { code, message } = toResourceException(error)
      this.#send({ type: 'over', id: answer.id, outcome: { error: { code, message } } })
      throw error
    }
  }

  /** Resolves when all other processes have what is in the conf directory in force. */
  async rescanOthers(): Promise<void> {
    await this.#ask((id) => ({ type: 'rescan', id }))
  }

  #receive(message: ToWorker): void {
    if (message.type === 'stop') this.#stop.resolve()
    else if (message.type === 'reload') this.#reload()
    else if (message.type === 'rescan') void this.#rescanHere(message.id)
    else {
      const answer = this.#answers.get(message.id)
      this.#answers.delete(message.id)
      answer?.(message)
    }
  }

  async #rescanHere(id: number): Promise<void> {
    // One that fails is in the log of this process; the others need not wait for it.
    await this.#rescan().catch(() => undefined)
    this.#send({ type: 'rescanned', id })
  }

  #ask(request: (id: number) => FromWorker): Promise<Answer> {
    const id = ++this.#lastId
    return new Promise((resolve) => {
      this.#answers.set(id, resolve)
      this.#send(request(id))
    })
  }

  #send(message: FromWorker): void {
    // Without the first process this one is about to end.
    if (process.connected) process.send?.(message)
  }
}

function resultOf(outcome: Outcome): Json {
  if ('result' in outcome) return outcome.result
  throw new ResourceException(outcome.error.code, outcome.error.message)
}
