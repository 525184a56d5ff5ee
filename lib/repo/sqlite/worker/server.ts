import type { MessagePort } from 'node:worker_threads'
import { isLocked, lockedException } from '../database/write-queue.ts'
import { failureOf } from '../thread/failure.ts'
import { type Answer, type Call, LIFE, type Notice, type OpenOptions, type Request } from '../thread/protocol.ts'
import { pack, unpack } from '../thread/rows.ts'
import { type OpenDatabase, openDatabase } from './stores.ts'

type Method = (...args: unknown[]) => Promise<unknown>

/** Answers the calls that come through `port`. */
export function serve(port: MessagePort): void {
  const server = new Server(port)
  port.on('message', (request: Request) => {
    for (const message of request) {
      if ('abort' in message) server.abort(message.abort)
      else void server.answer(message)
    }
  })
}

interface Running {
  readonly database: number
  readonly work: Promise<unknown>
}

class Server {
  readonly #port: MessagePort
  readonly #databases = new Map<number, OpenDatabase>()
  readonly #running = new Map<number, Running>()
  readonly #aborts = new Map<number, AbortController>()
  #unsent: (Answer | Notice)[] = []

  constructor(port: MessagePort) {
    this.#port = port
  }

  abort(id: number): void {
    this.#aborts.get(id)?.abort()
  }

  async answer(call: Call): Promise<void> {
    const { id, database } = call
    const work = this.#run(call)
    this.#running.set(id, { database, work })
    try {
      this.#send({ id, result: pack(await work) })
    } catch (error) {
      this.#send({ id, failure: failureOf(isLocked(error) ? lockedException(error) : error) })
    }
    this.#running.delete(id)
    this.#aborts.delete(id)
  }

  async #run({ id, database, store, method, args, isAbortable }: Call): Promise<unknown> {
    if (store === LIFE) return method === 'open' ? this.#open(database, args[0] as OpenOptions) : this.#close(database)
    const given = args.map(unpack)
    const stores = this.#databases.get(database)?.stores as unknown as
      | Record<string, Record<string, Method>>
      | undefined
    if (!stores) throw new Error('the database is not open')
    if (!isAbortable) return stores[store]?.[method]?.(...given)
    const abort = new AbortController()
    this.#aborts.set(id, abort)
    return stores[store]?.[method]?.(...given, abort.signal)
  }

  async #open(database: number, options: OpenOptions): Promise<void> {
    this.#databases.set(database, await openDatabase(options, (notice) => this.#send({ database, notice })))
  }

  /** Waits for what was called before. */
  async #close(database: number): Promise<void> {
    const own = [...this.#running.values()].filter((running) => running.database === database)
    await Promise.allSettled(own.map(({ work }) => work))
    this.#databases.get(database)?.close()
    this.#databases.delete(database)
  }

  /** Answers of one turn leave in one message. */
  #send(message: Answer | Notice): void {
    this.#unsent.push(message)
    if (this.#unsent.length > 1) return
    process.nextTick(() => {
      const messages = this.#unsent
      this.#unsent = []
      this.#port.postMessage(messages)
    })
  }
}
