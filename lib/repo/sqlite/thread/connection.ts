import type { Logger } from '../../../contract.ts'
import { serviceUnavailable } from '../../../crest/errors.ts'
import { LIFE, type OpenOptions } from './protocol.ts'
import { DatabaseThread } from './thread.ts'

/** One database of the thread. */
export class DatabaseConnection {
  readonly #thread = DatabaseThread.current
  readonly #id: number
  readonly #measure: (store: string, begin: number) => void
  #fault: string | undefined
  #end: Error | undefined
  #closed: Promise<void> | undefined

  /**
   * @param log gets what the thread reports about the database
   * @param measure called when a call has ended, with its begin
   */
  constructor(log: Logger, measure: (store: string, begin: number) => void = () => undefined) {
    this.#measure = measure
    this.#id = this.#thread.attach({
      onNotice: (notice) => log.error({}, notice),
      onCrash: (error) => {
        this.#fault = `The thread of the database has ended (${error.message}): restart the gateway`
        this.#end ??= serviceUnavailable('The database cannot be used', { cause: error })
        log.error({ err: error }, this.#fault)
      },
    })
  }

  /** One sentence for a person once the thread has crashed. */
  get fault(): string | undefined {
    return this.#fault
  }

  async open(options: OpenOptions): Promise<void> {
    try {
      await this.call(LIFE, 'open', [options])
    } catch (error) {
      this.#thread.detach(this.#id)
      throw error
    }
  }

  /** See `DatabaseThread.call`. */
  async call(store: string, method: string, args: readonly unknown[]): Promise<unknown> {
    if (this.#end) throw this.#end
    const begin = performance.now()
    try {
      return await this.#thread.call(this.#id, store, method, args)
    } catch (error) {
      throw this.#fault === undefined ? error : this.#end
    } finally {
      this.#measure(store, begin)
    }
  }

  /** Resolves when what is under way has ended; later calls fail. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    try {
      if (this.#fault !== undefined) return
      const closed = this.call(LIFE, 'close', [])
      this.#end = new Error('the database is closed')
      await closed
    } finally {
      this.#thread.detach(this.#id)
    }
  }
}

/** The stores of a database, as if they were in this thread. */
export const storesOf = <Stores extends object>(connection: DatabaseConnection): Stores =>
  remembering((store) =>
    remembering(
      (method) =>
        (...args: unknown[]) =>
          connection.call(store, method, args),
    ),
  ) as Stores

/** An object whose members are made when they are first asked for. */
function remembering(make: (name: string) => unknown): object {
  return new Proxy(Object.create(null) as Record<string, unknown>, {
    get(known, name) {
      // Whatever is awaited is asked for `then`.
      if (typeof name !== 'string' || name === 'then') return undefined
      known[name] ??= make(name)
      return known[name]
    },
  })
}
