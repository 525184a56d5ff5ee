import type { Disposable, MetricsRegistry } from '../../contract.ts'
import { Metrics, type Reading } from '../../core/telemetry/metrics.ts'
import type { Statistics } from '../statistics.ts'

/** A run, as far as it is measured. */
export interface MeasuredRun {
  readonly mappingName: string
  readonly isAnalysis: boolean
  readonly state: string
  readonly statistics: Statistics
  readonly ended: Promise<void>
}

/** Bounds of the durations of runs, in seconds. */
const BUCKETS = [1, 5, 15, 60, 300, 900, 3600, 14_400] as const

/** Counts by what they count: `situation SOURCE_MISSING`. */
type Counts = Map<string, number>

const KINDS = ['run', 'analysis'] as const
const kindOf = ({ isAnalysis }: MeasuredRun) => (isAnalysis ? 'analysis' : 'run')

/**
 * The metrics of reconciliations. They are read from the statistics that each run keeps anyway: those of active runs, and
 * the sums of those that have ended.
 */
export class RunMetrics implements Disposable {
  readonly #metrics = new Metrics()
  readonly #runs = this.#metrics.counter({
    name: 'openidm_external_idm_recon_runs_total',
    help: 'Reconciliations that have ended, by state; an analysis writes nothing.',
    labels: ['mapping', 'kind', 'state'],
  })
  readonly #seconds = this.#metrics.histogram({
    name: 'openidm_external_idm_recon_seconds',
    help: 'Durations of reconciliations.',
    labels: ['mapping', 'kind'],
    buckets: BUCKETS,
  })
  readonly #active = new Set<MeasuredRun>()
  /** By mapping and kind. */
  readonly #ended = new Map<string, Counts>()
  readonly #lastSuccess = new Map<string, number>()
  readonly #isConfigured: (mapping: string) => boolean
  readonly #registration: Disposable

  /** @param isConfigured the series of other mappings are removed */
  constructor(registry: MetricsRegistry, isConfigured: (mapping: string) => boolean) {
    this.#isConfigured = isConfigured
    this.#addReadings()
    this.#registration = this.#metrics.register(registry)
  }

  /** Includes a run in the metrics. */
  follow(run: MeasuredRun): void {
    const begin = performance.now()
    this.#active.add(run)
    void run.ended.then(() => {
      this.#active.delete(run)
      this.#add(this.#countsOf(run.mappingName, kindOf(run)), run)
      this.#runs.with(run.mappingName, kindOf(run), run.state).inc()
      this.#seconds.with(run.mappingName, kindOf(run)).since(begin)
      if (run.state === 'SUCCESS' && !run.isAnalysis) this.#lastSuccess.set(run.mappingName, Date.now() / 1000)
    })
  }

  dispose(): void | Promise<void> {
    return this.#registration.dispose()
  }

  #addReadings(): void {
    const counter = (name: string, help: string, label: string): void =>
      this.#metrics.read({
        name: `openidm_external_idm_recon_${name}_total`,
        help,
        type: 'counter',
        labels: ['mapping', 'kind', label],
        read: () => this.#read(label),
      })
    counter('situations', 'Objects of reconciliations, by situation.', 'situation')
    counter('rows', 'Objects that reconciliations have finished with, by status.', 'status')
    counter('objects', 'Objects that reconciliations have processed, by side.', 'side')
    counter('writes', 'Objects and links that reconciliations have written.', 'operation')
    this.#metrics.read({
      name: 'openidm_external_idm_recon_active',
      help: 'Reconciliations that are running.',
      type: 'gauge',
      labels: ['mapping', 'kind'],
      read: () => [...this.#active].map((run): Reading => [1, run.mappingName, kindOf(run)]),
    })
    this.#metrics.read({
      name: 'openidm_external_idm_recon_last_success_timestamp_seconds',
      help: 'When a reconciliation last succeeded since this process started, in seconds since 1970.',
      type: 'gauge',
      labels: ['mapping'],
      aggregator: 'max',
      read: () => [...this.#lastSuccess].map(([mapping, time]): Reading => [time, mapping]),
    })
  }

  *#read(what: string): Generator<Reading> {
    const mappings = new Set([...this.#ended.keys()].map((key) => key.slice(key.indexOf(' ') + 1)))
    for (const { mappingName } of this.#active) mappings.add(mappingName)
    for (const mapping of mappings) {
      if (!this.#isConfigured(mapping)) this.#forget(mapping)
      else
        for (const kind of KINDS) {
          const counts = new Map(this.#ended.get(`${kind} ${mapping}`))
          for (const run of this.#active)
            if (run.mappingName === mapping && kindOf(run) === kind) this.#add(counts, run)
          for (const [key, count] of counts)
            if (key.startsWith(`${what} `)) yield [count, mapping, kind, key.slice(what.length + 1)]
        }
    }
  }

  #forget(mapping: string): void {
    for (const kind of KINDS) this.#ended.delete(`${kind} ${mapping}`)
    this.#lastSuccess.delete(mapping)
    for (const family of [this.#runs, this.#seconds]) family.forget('mapping', mapping)
  }

  #countsOf(mapping: string, kind: string): Counts {
    const key = `${kind} ${mapping}`
    const known = this.#ended.get(key) ?? new Map<string, number>()
    this.#ended.set(key, known)
    return known
  }

  #add(counts: Counts, { statistics: own, isAnalysis }: MeasuredRun): void {
    const add = (what: string, name: string, count: unknown) => {
      const key = `${what} ${name}`
      if (count) counts.set(key, (counts.get(key) ?? 0) + Number(count))
    }
    for (const [name, count] of Object.entries(own.situationSummary)) add('situation', name, count)
    for (const [name, count] of Object.entries(own.statusSummary)) add('status', name, count)
    add('side', 'source', own.sourcesProcessed)
    add('side', 'target', own.targetsProcessed)
    if (isAnalysis) return
    const { created, updated, deleted, linked } = own
    for (const [name, count] of Object.entries({ create: created, update: updated, delete: deleted, link: linked }))
      add('operation', name, count)
  }
}
