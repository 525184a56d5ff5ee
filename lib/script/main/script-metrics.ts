import type { Disposable, MetricsRegistry } from '../../contract.ts'
import { Metrics } from '../../core/telemetry/metrics.ts'
import type { ScriptOutcome } from './outcome.ts'

/** How many scripts run, and for how long. Names of scripts are no labels: callers of `script?_action=eval` choose them. */
export class ScriptMetrics implements Disposable {
  readonly #metrics = new Metrics()
  readonly #seconds = this.#metrics.histogram({
    name: 'openidm_external_idm_script_seconds',
    help: 'Time of calls of scripts; one call runs a script for all objects of a page.',
  })
  readonly #runs = this.#metrics.counter({
    name: 'openidm_external_idm_script_runs_total',
    help: 'Runs of scripts, by outcome.',
    labels: ['outcome'],
  })
  readonly #registration: Disposable | undefined

  /** @param load the threads, and the scripts that run or wait */
  constructor(registry: MetricsRegistry | undefined, load: () => { threads: number; scripts: number }) {
    this.#metrics.read({
      name: 'openidm_external_idm_scripts_active',
      help: 'Scripts that run or wait for a thread.',
      type: 'gauge',
      read: () => [[load().scripts]],
    })
    this.#metrics.read({
      name: 'openidm_external_idm_script_threads',
      help: 'Threads for scripts.',
      type: 'gauge',
      read: () => [[load().threads]],
    })
    this.#registration = registry && this.#metrics.register(registry)
  }

  /** @param begin milliseconds of `performance.now()` */
  ended(outcomes: readonly ScriptOutcome[], begin: number): void {
    this.#seconds.with().since(begin)
    const failed = outcomes.filter((outcome) => 'error' in outcome).length
    if (failed > 0) this.#runs.with('failure').inc(failed)
    if (failed < outcomes.length) this.#runs.with('success').inc(outcomes.length - failed)
  }

  dispose(): void | Promise<void> {
    return this.#registration?.dispose()
  }
}
