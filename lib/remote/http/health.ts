import type { Logger } from '../../contract.ts'
import type { FaultName } from '../../core/http/fault.ts'

/** When something last went wrong, for the status of an instance. */
export interface LastError {
  readonly message: string
  /** ISO 8601. */
  readonly time: string
}

/** Whether the exchanges with a remote succeed. Reading and noting are cheap: this stands on the way of each request. */
export class Health {
  readonly #instance: string
  readonly #log: Logger
  #lastError: LastError | null = null
  #since = new Date()
  #failing = false
  /** Told once, until an exchange succeeds: each request fails then. */
  #toldOpenFiles = false

  constructor(instance: string, log: Logger) {
    this.#instance = instance
    this.#log = log
  }

  get failing(): boolean {
    return this.#failing
  }

  /** When it began to be as it is. */
  get since(): Date {
    return this.#since
  }

  /** Stays after a recovery, so that a fault of last night can be found. */
  get lastError(): LastError | null {
    return this.#lastError
  }

  succeeded(): void {
    this.#toldOpenFiles = false
    if (this.#failing) this.#turn(false)
  }

  /** Notes a failure. The first one after a success is worth a warning, the others would only fill the log. */
  failed(fault: FaultName | 'authentication' | 'token', message: string, cause: unknown): void {
    const details = { instance: this.#instance, fault, err: cause }
    // The remote has no part in it.
    if (fault === 'openFiles') {
      if (!this.#toldOpenFiles) this.#log.error(details, message)
      this.#toldOpenFiles = true
      return
    }
    if (this.#failing) this.#log.debug(details, message)
    else this.#log.warn(details, message)
    this.#lastError = { message, time: new Date().toISOString() }
    if (!this.#failing) this.#turn(true)
  }

  #turn(failing: boolean): void {
    this.#failing = failing
    this.#since = new Date()
  }
}
