/** Pages for Prometheus, with prom-client: loaded by the first request for one, since it takes 30 ms. */
import { createRequire } from 'node:module'
import type { AggregatorRegistry, Registry } from 'prom-client'
import type { Metric, Snapshot } from '../../core/telemetry/metrics.ts'

const library = () => createRequire(import.meta.url)('prom-client') as typeof import('prom-client')

/** Gauges of prom-client whose names end as those of counters do, which Prometheus' own check refuses. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total']

/** The metrics of the process: processor time, memory, garbage collection, event loop delay. */
export function processMetrics(): readonly Metric[] {
  const { collectDefaultMetrics, Registry } = library()
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const name of MISNAMED) registry.removeSingleMetric(name)
  return registry.getMetricsAsArray() as unknown as readonly Metric[]
}

export interface Page {
  readonly type: string
  readonly text: string
}

/** The sums of what several processes have, in the text format. */
export async function pageOf(processes: readonly (readonly Snapshot[])[]): Promise<Page> {
  const { AggregatorRegistry } = library()
  const registry: Registry = (AggregatorRegistry as typeof AggregatorRegistry & Aggregator).aggregate([...processes])
  return { type: registry.contentType, text: await registry.metrics() }
}

/** Its types know the registries of prom-client only. */
interface Aggregator {
  aggregate(processes: readonly (readonly Snapshot[])[]): Registry & Pick<AggregatorRegistry<never>, never>
}
