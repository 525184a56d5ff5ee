import type { Disposable, MetricsRegistry } from '../../contract.ts'
import { Metrics } from '../../core/telemetry/metrics.ts'

/** Measures calls to the database by store, including messages to its thread and back. */
export function repositoryMetrics(
  registry: MetricsRegistry,
): Disposable & { measure(store: string, begin: number): void } {
  const metrics = new Metrics()
  const seconds = metrics.histogram({
    name: 'openidm_external_idm_repository_seconds',
    help: 'Time of calls to the database, by store.',
    labels: ['store'],
  })
  const registration = metrics.register(registry)
  return { dispose: () => registration.dispose(), measure: (store, begin) => seconds.with(store).since(begin) }
}
