import type { Logger } from '../../contract.ts'
import type { FaultName } from '../../core/http/fault.ts'
import type { InstanceMetrics } from './instance-metrics.ts'

/** The last failure, for the status of an instance. */
export interface LastError {
  readonly message: string
  /** ISO 8601. */
  readonly time: string
}

/** Whether the exchanges with a remote succeed. All methods are cheap: they are called for each request. */
export class Health {
  readonly #instance: string
  readonly #log: Logger
  readonly #metrics: Pick<InstanceMetrics, 'failed'>
  #forbiddenHint: string | undefined
  #lastError: LastError | null = null
  #since = new Date()
  /** Undefined before the first exchange. */
  #failing: boolean | undefined
  /** Logged once until an exchange succeeds, since every request fails then. */
  #loggedOpenFiles = false

  /** @param forbiddenHint logged at the first 403 */
  constructor(instance: string, log: Logger, metrics: Pick<InstanceMetrics, 'failed'>, forbiddenHint?: string) {
    this.#instance = instance
    this.#log = log
    this.#metrics = metrics
    this.#forbiddenHint = forbiddenHint
  }

  /** Whether there was no exchange yet. */
  get untried(): boolean {
    return this.#failing === undefined
  }

  get failing(): boolean {
    return this.#failing === true
  }

  /** When the current state began. */
  get since(): Date {
    return this.#since
  }

  /** Kept after a recovery, so that a past failure can still be found. */
  get lastError(): LastError | null {
    return this.#lastError
  }

  /** @param status of the response, which may be an error of the remote */
  succeeded(status?: number): void {
    this.#loggedOpenFiles = false
    if (this.#failing !== false) this.#turn(false)
    if (status !== 403 || this.#forbiddenHint === undefined) return
    this.#log.warn(
      { instance: this.#instance },
      `remote instance "${this.#instance}": it answered 403; ${this.#forbiddenHint}`,
    )
    this.#forbiddenHint = undefined
  }

  /** Records a failure. The first after a success is logged as a warning, the others as debug. */
  failed(fault: FaultName | 'authentication' | 'token', message: string, cause: unknown): void {
    this.#metrics.failed(fault)
    const details = { instance: this.#instance, fault, err: cause }
    // Not a fault of the remote.
    if (fault === 'openFiles') {
      if (!this.#loggedOpenFiles) this.#log.error(details, message)
      this.#loggedOpenFiles = true
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
