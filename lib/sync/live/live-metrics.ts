import type { Disposable, MetricsRegistry } from '../../contract.ts'
import { Metrics } from '../../core/telemetry/metrics.ts'
import type { SyncDetail } from './change.ts'

/** Bounds of the durations, in seconds: from two local objects to a target that takes its time. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const

/** The metrics of implicit synchronization. */
export class LiveMetrics implements Disposable {
  readonly #metrics = new Metrics()
  readonly #changes = this.#metrics.counter({
    name: 'openidm_external_idm_sync_changes_total',
    help: 'Changes of source objects that were carried over, by situation and status.',
    labels: ['mapping', 'situation', 'status'],
  })
  readonly #seconds = this.#metrics.histogram({
    name: 'openidm_external_idm_sync_seconds',
    help: 'How long it took to carry a change over, with waiting for earlier changes of the object.',
    labels: ['mapping'],
    buckets: BUCKETS,
  })
  readonly #registration: Disposable

  constructor(registry: MetricsRegistry) {
    this.#registration = this.#metrics.register(registry)
  }

  /** @param begin of `performance.now()` */
  carriedOver(mapping: string, details: readonly SyncDetail[], begin: number): void {
    this.#seconds.with(mapping).since(begin)
    for (const { situation, result } of details) this.#changes.with(mapping, situation ?? 'none', result).inc()
  }

  dispose(): void | Promise<void> {
    return this.#registration.dispose()
  }
}
