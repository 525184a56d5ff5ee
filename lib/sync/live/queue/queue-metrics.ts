import type { Disposable, MetricsRegistry } from '../../../contract.ts'
import { Metrics, type Reading } from '../../../core/telemetry/metrics.ts'
import type { ParkedLink } from '../../../repo/links/agreement-store.ts'
import type { QueueState } from '../../../repo/queue/event-store.ts'

/** What the gauges are read from; it may be some seconds old. */
export interface QueueReadings {
  readonly queues: readonly QueueState[]
  readonly parked: readonly ParkedLink[]
}

/** The metrics of queued synchronization. */
export class QueueMetrics implements Disposable {
  readonly #metrics = new Metrics()
  readonly #events = this.#metrics.counter({
    name: 'openidm_external_idm_sync_queue_events_total',
    help: 'Queued changes that have ended (done, dead), were tried again (retried), or waited for their target (postponed).',
    labels: ['mapping', 'status'],
  })
  readonly #registration: Disposable

  constructor(registry: MetricsRegistry, read: () => QueueReadings) {
    const gauge = (name: string, help: string, value: (queue: QueueState) => number): void =>
      this.#metrics.read({
        name: `openidm_external_idm_sync_queue_${name}`,
        help,
        type: 'gauge',
        labels: ['mapping'],
        read: () => read().queues.map((queue): Reading => [value(queue), queue.mapping]),
      })
    gauge('waiting', 'Queued changes that are not carried over yet.', ({ waiting }) => waiting)
    gauge('dead', 'Dead letters: queued changes that were given up.', ({ dead }) => dead)
    gauge('paused', '1 while the queue of a mapping is paused, else 0.', ({ pause }) => Number(pause !== null))
    gauge('oldest_age_seconds', 'Age of the oldest queued change.', ({ oldest }) =>
      oldest === null ? 0 : Math.max(0, (Date.now() - Date.parse(oldest)) / 1000),
    )
    this.#metrics.read({
      name: 'openidm_external_idm_sync_parked_links',
      help: 'Links of objects that went round between two mappings, and wait to be released.',
      type: 'gauge',
      labels: ['mapping'],
      read: () => {
        const byMapping = Map.groupBy(read().parked, ({ mapping }) => mapping)
        return [...byMapping].map(([mapping, links]): Reading => [links.length, mapping])
      },
    })
    this.#registration = this.#metrics.register(registry)
  }

  count(mapping: string, status: string): void {
    this.#events.with(mapping, status).inc()
  }

  dispose(): void | Promise<void> {
    return this.#registration.dispose()
  }
}
