import type { Metrics, Reading } from '../../core/telemetry/metrics.ts'
import type { Instance } from './instance.ts'
import type { InstanceStatus } from './instance-status.ts'

/** What is read of the registry. */
interface Read {
  inForce(): Iterable<Instance>
  statuses(): Iterable<InstanceStatus>
}

/** Adds what is read of the instances when the page is asked for. */
export function addInstanceMetrics(metrics: Metrics, registry: Read): void {
  const ofEach = (value: (instance: Instance) => number) =>
    function* (): Generator<Reading> {
      for (const instance of registry.inForce()) yield [value(instance), instance.name]
    }
  const common = { type: 'gauge', labels: ['remote'] } as const
  metrics.read({
    ...common,
    name: 'openidm_external_idm_requests_in_flight',
    help: 'Requests to remote instances that have not ended.',
    read: ofEach(({ inFlight }) => inFlight),
  })
  metrics.read({
    ...common,
    name: 'openidm_external_idm_requests_queued',
    help: 'Requests that wait for a connection to a remote instance.',
    read: ofEach(({ queued }) => queued),
  })
  metrics.read({
    ...common,
    name: 'openidm_external_idm_circuit_open',
    help: 'Whether the circuit breaker of a remote instance is open (1); with workers, in any of them.',
    aggregator: 'max',
    read: ofEach(({ circuit }) => Number(circuit.isOpen)),
  })
  metrics.read({
    ...common,
    name: 'openidm_external_idm_instance_state',
    help: 'The state of a remote instance: 1 for the present one; with workers, of any of them.',
    labels: ['remote', 'state'],
    aggregator: 'max',
    read: function* () {
      for (const { name, state } of registry.statuses()) yield [1, name, state]
    },
  })
}
