import type { FaultName } from '../../core/http/fault.ts'
import type { CounterFamily, HistogramFamily, Metrics } from '../../core/telemetry/metrics.ts'
import { Responses } from '../../core/telemetry/responses.ts'

/** What happened between this process and one remote. All methods are cheap: they are called for each request. */
export class InstanceMetrics {
  readonly #name: string
  readonly #families: Families
  readonly #responses: Responses

  constructor(name: string, families: Families) {
    this.#name = name
    this.#families = families
    this.#responses = new Responses(families.requests, families.seconds, name)
  }

  /**
   * The remote has answered an attempt.
   * @param begin when the attempt began, in milliseconds of `performance.now()`
   */
  answered(method: string | undefined, status: number, begin: number): void {
    this.#responses.add(method, status, begin)
  }

  failed(fault: FaultName | 'authentication' | 'token'): void {
    this.#families.failures.with(this.#name, fault).inc()
  }

  /** An attempt is repeated: with a new token, or on a new connection. */
  retried(reason: 'token' | 'connection'): void {
    this.#families.retries.with(this.#name, reason).inc()
  }

  tokenRequested(outcome: 'success' | 'failure'): void {
    this.#families.tokenRequests.with(this.#name, outcome).inc()
  }
}

interface Families {
  readonly requests: CounterFamily
  readonly seconds: HistogramFamily
  readonly failures: CounterFamily
  readonly retries: CounterFamily
  readonly tokenRequests: CounterFamily
}

/** The metrics of all instances. */
export class RemoteMetrics {
  readonly #families: Families

  constructor(metrics: Metrics) {
    const labels = ['remote']
    this.#families = {
      requests: metrics.counter({
        name: 'openidm_external_idm_requests_total',
        help: 'Responses of remote instances, each attempt counted.',
        labels: [...labels, 'method', 'status'],
      }),
      seconds: metrics.histogram({
        name: 'openidm_external_idm_request_seconds',
        help: 'Time until the response of a remote instance begins; for calls from inside the gateway, until it is read.',
        labels: [...labels, 'method'],
      }),
      failures: metrics.counter({
        name: 'openidm_external_idm_failures_total',
        help: 'Exchanges with remote instances that failed, by kind of fault.',
        labels: [...labels, 'fault'],
      }),
      retries: metrics.counter({
        name: 'openidm_external_idm_retries_total',
        help: 'Requests that were sent once more, with a new token or on a new connection.',
        labels: [...labels, 'reason'],
      }),
      tokenRequests: metrics.counter({
        name: 'openidm_external_idm_token_requests_total',
        help: 'Requests to the token endpoints of remote instances.',
        labels: [...labels, 'outcome'],
      }),
    }
  }

  /** An instance that replaces another of its name goes on with its series. */
  of(name: string): InstanceMetrics {
    return new InstanceMetrics(name, this.#families)
  }

  /** Drops the series of an instance that was removed. */
  forget(name: string): void {
    for (const family of Object.values(this.#families)) family.forget('remote', name)
  }
}
