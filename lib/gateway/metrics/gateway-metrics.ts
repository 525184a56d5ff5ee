import type { IncomingMessage } from 'node:http'
import type { HttpHandler, Json, MetricsRegistry } from '../../contract.ts'
import { type Metric, Metrics, type Snapshot } from '../../core/telemetry/metrics.ts'
import { Responses } from '../../core/telemetry/responses.ts'
import { sendBytes, sendError } from '../../crest/http/response.ts'
import type { HostConfiguration } from '../configuration/host-configuration.ts'
import type { ServerState } from '../http/server-state.ts'
import type { WorkersLink } from '../link/link.ts'
import { pageOf, processMetrics } from './prometheus.ts'
import { EVERYTHING, type Selection, selected, selectionOf } from './selection.ts'

const PATH = '/metrics/prometheus'

export interface GatewayMetricsOptions {
  readonly state: Pick<ServerState, 'ready'>
  readonly configuration: Pick<HostConfiguration, 'directory'>
  /** The link to the other processes of the gateway. */
  readonly others?: Pick<WorkersLink, 'gather' | 'onGather'> | undefined
}

/** The metrics of the gateway and its plugins, and their page. */
export class GatewayMetrics implements MetricsRegistry {
  readonly #others: GatewayMetricsOptions['others']
  readonly #registered = new Map<string, Metric>()
  readonly #metrics = new Metrics()
  readonly #requests = this.#metrics.counter({
    name: 'openidm_external_idm_http_requests_total',
    help: 'Requests that the gateway has answered.',
    labels: ['method', 'status'],
  })
  readonly #seconds = this.#metrics.histogram({
    name: 'openidm_external_idm_http_request_seconds',
    help: 'Time from the arrival of a request until the end of its response.',
    labels: ['method'],
  })
  readonly #reloads = this.#metrics.counter({
    name: 'openidm_external_idm_configuration_reloads_total',
    help: 'Reloads of the configuration that a signal or another process has asked for.',
    labels: ['outcome'],
  })
  readonly #responses = new Responses(this.#requests, this.#seconds)
  #hasProcessMetrics = false

  constructor(options: GatewayMetricsOptions) {
    const { state, others, configuration } = options
    const { directory } = configuration
    this.#others = others
    others?.onGather(
      'metrics',
      async (about) => (await this.snapshots((about as Selection | null) ?? EVERYTHING)) as unknown as Json,
    )
    this.#metrics.read({
      name: 'openidm_external_idm_configuration_faults',
      help: 'Files of the configuration with a fault: their last valid version is in force, if there is one.',
      type: 'gauge',
      labels: ['file'],
      aggregator: 'max',
      read: () => [...directory.faults().keys()].map((file) => [1, file] as const),
    })
    this.#metrics.read({
      name: 'openidm_external_idm_ready',
      help: 'Whether the gateway is ready, as in health/ready; with workers, how many of them are.',
      type: 'gauge',
      read: () => [[Number(state.ready)]],
    })
    this.#metrics.read({
      name: 'openidm_external_idm_configuration_scans_total',
      help: 'Scans of the configuration directory, after changes and on request.',
      type: 'counter',
      read: () => [[directory.scans]],
    })
    this.#metrics.register(this)
  }

  registerMetric(metric: Metric): void {
    if (this.#registered.has(metric.name))
      throw new Error(`A metric with the name ${metric.name} is registered already`)
    this.#registered.set(metric.name, metric)
  }

  removeSingleMetric(name: string): void {
    this.#registered.delete(name)
  }

  /** @param begin milliseconds of `performance.now()` */
  readonly answered = (method: string | undefined, status: number, begin: number): void =>
    this.#responses.add(method, status, begin)

  /** Counts a reload by its outcome. */
  async reloaded(reload: Promise<void>): Promise<void> {
    await reload.catch((error: unknown) => {
      this.#reloads.with('failure').inc()
      throw error
    })
    this.#reloads.with('success').inc()
  }

  /** The present values of this process. */
  snapshots(selection: Selection): Promise<Snapshot[]> {
    if (!this.#hasProcessMetrics) for (const metric of processMetrics()) this.registerMetric(metric)
    this.#hasProcessMetrics = true
    return selected(this.#registered.values(), selection)
  }

  /** Serves `metrics/prometheus`. Not a resource: the page is text. */
  readonly handler: HttpHandler = (request, response, next) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return next()
    if ((request.url ?? '').split('?')[0] !== PATH) return next()
    this.#page(request).then(
      ({ type, text }) => sendBytes(response, 200, Buffer.from(text), { 'Content-Type': type }),
      (error: unknown) => sendError(response, error),
    )
  }

  async #page(request: IncomingMessage) {
    const selection = selectionOf(request)
    const others = (await this.#others?.gather('metrics', selection)) ?? []
    return pageOf([await this.snapshots(selection), ...(others as unknown as Snapshot[][])])
  }
}
