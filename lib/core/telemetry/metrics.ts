import type { Disposable, MetricsRegistry } from '../../contract.ts'

/** What a family of time series is, as the pages of Prometheus show it. */
export interface FamilyOptions {
  /** With the unit and, of a counter, with `_total` at its end. */
  readonly name: string
  readonly help: string
  /** Names of labels. Their values come from configuration or from a fixed list, never from a request. */
  readonly labels?: readonly string[]
}

export interface HistogramOptions extends FamilyOptions {
  /** Upper bounds in seconds, rising. Default: from a read in memory to a remote that takes a minute. */
  readonly buckets?: readonly number[]
}

export type Labels = Readonly<Record<string, string | number>>

/** One line of the page. */
export interface Sample {
  /** Default: the name of the family. */
  readonly metricName?: string
  readonly labels: Labels
  readonly value: number
}

/** The present values of a family, in the form that prom-client exchanges between processes. */
export interface Snapshot {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly values: readonly Sample[]
  /** How the values of several processes become one. */
  readonly aggregator: 'sum' | 'max'
}

/** Chooses series by their labels. */
export type Wants = (labels: Labels) => boolean

/** What a registry of prom-client calls of a metric. */
export interface Metric {
  readonly name: string
  /** @param wants whether a series is asked for. Default: all are; metrics of others may ignore it */
  get(wants?: Wants): Promise<Snapshot>
  reset(): void
}

/** The series of one family, by the values of its labels. They are made on first use and kept by their users. */
abstract class Family<Series> implements Metric {
  readonly name: string
  readonly #options: FamilyOptions
  readonly #series = new Map<string, { readonly labels: Labels; readonly series: Series }>()

  constructor(options: FamilyOptions) {
    this.name = options.name
    this.#options = options
  }

  protected abstract readonly type: Snapshot['type']
  protected abstract create(): Series
  protected abstract samples(labels: Labels, series: Series): Sample[]

  /** @param values of the labels, in the order of their names */
  with(...values: readonly string[]): Series {
    const key = values.join('\0')
    const known = this.#series.get(key)
    if (known) return known.series
    const names = this.#options.labels ?? []
    const series = this.create()
    this.#series.set(key, {
      labels: Object.fromEntries(names.map((name, index) => [name, values[index] ?? ''])),
      series,
    })
    return series
  }

  /** Removes the series in which a label has this value. */
  forget(label: string, value: string): void {
    for (const [key, { labels }] of this.#series) if (labels[label] === value) this.#series.delete(key)
  }

  reset(): void {
    this.#series.clear()
  }

  async get(wants: Wants = () => true): Promise<Snapshot> {
    const { name, help } = this.#options
    const values = [...this.#series.values()].flatMap(({ labels, series }) =>
      wants(labels) ? this.samples(labels, series) : [],
    )
    return { name, help, type: this.type, values, aggregator: 'sum' }
  }
}

/** A series that only grows. */
export class Counter {
  value = 0

  /** @param by not negative */
  inc(by = 1): void {
    this.value += by
  }
}

class Counters extends Family<Counter> {
  protected readonly type = 'counter'

  protected create(): Counter {
    return new Counter()
  }

  protected samples(labels: Labels, { value }: Counter): Sample[] {
    return [{ labels, value }]
  }
}

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const

/** Counts durations by their size. */
export class Histogram {
  readonly bounds: readonly number[]
  /** By bucket, not cumulated; the last one has no bound. */
  readonly counts: Float64Array
  sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  observe(seconds: number): void {
    const { bounds } = this
    let bucket = 0
    while (bucket < bounds.length && seconds > (bounds[bucket] as number)) bucket += 1
    this.counts[bucket] = (this.counts[bucket] as number) + 1
    this.sum += seconds
  }

  /** @param begin milliseconds of `performance.now()` */
  since(begin: number): void {
    this.observe((performance.now() - begin) / 1000)
  }
}

class Histograms extends Family<Histogram> {
  protected readonly type = 'histogram'
  readonly #buckets: readonly number[]

  constructor({ buckets = BUCKETS, ...options }: HistogramOptions) {
    super(options)
    this.#buckets = buckets
  }

  protected create(): Histogram {
    return new Histogram(this.#buckets)
  }

  protected samples(labels: Labels, { bounds, counts, sum }: Histogram): Sample[] {
    const { name } = this
    let count = 0
    const buckets = Array.from(counts, (own, index): Sample => {
      count += own
      return { metricName: `${name}_bucket`, labels: { ...labels, le: bounds[index] ?? '+Inf' }, value: count }
    })
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: count },
    ]
  }
}

export type CounterFamily = Pick<Counters, 'with' | 'forget'>
export type HistogramFamily = Pick<Histograms, 'with' | 'forget'>

/** One value that was read. The values of the labels are in the order of their names. */
export type Reading = readonly [value: number, ...labels: string[]]

export interface ReadOptions extends FamilyOptions {
  readonly type: 'counter' | 'gauge'
  /** Of a gauge of several processes. Default: sum. */
  readonly aggregator?: 'sum' | 'max'
  /** Reads the present values, when the page is asked for. */
  readonly read: () => Iterable<Reading>
}

class ReadFamily implements Metric {
  readonly name: string
  readonly #options: ReadOptions

  constructor(options: ReadOptions) {
    this.name = options.name
    this.#options = options
  }

  /** The values belong to what they are read from. */
  reset(): void {}

  async get(wants: Wants = () => true): Promise<Snapshot> {
    const { name, help, type, labels = [], aggregator = 'sum', read } = this.#options
    const values = [...read()].map(([value, ...texts]) => ({
      labels: Object.fromEntries(labels.map((label, index) => [label, texts[index] ?? ''])),
      value,
    }))
    return { name, help, type, values: values.filter((sample) => wants(sample.labels)), aggregator }
  }
}

/**
 * The metrics of one part of the program. Counting costs some nanoseconds and no library: they cost nothing more until
 * a registry of prom-client asks for them.
 */
export class Metrics {
  readonly #all: Metric[] = []

  counter(options: FamilyOptions): CounterFamily {
    return this.#add(new Counters(options))
  }

  /** A histogram of seconds. */
  histogram(options: HistogramOptions): HistogramFamily {
    return this.#add(new Histograms(options))
  }

  /** Values that are read where they are, when the page is asked for. */
  read(options: ReadOptions): void {
    this.#add(new ReadFamily(options))
  }

  /**
   * Adds all metrics to a registry until disposed of.
   * @throws the error of the registry when it has metrics of these names, for example of another router
   */
  register(registry: MetricsRegistry): Disposable {
    const added: string[] = []
    const dispose = () => {
      for (const name of added.splice(0)) registry.removeSingleMetric(name)
    }
    try {
      for (const metric of this.#all) {
        registry.registerMetric(metric)
        added.push(metric.name)
      }
    } catch (error) {
      dispose()
      throw error
    }
    return { dispose }
  }

  #add<One extends Metric>(metric: One): One {
    this.#all.push(metric)
    return metric
  }
}
