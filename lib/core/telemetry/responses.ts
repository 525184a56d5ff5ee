import type { Counter, CounterFamily, Histogram, HistogramFamily } from './metrics.ts'

/** Methods with series of their own; any other is OTHER, since callers choose the method. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'])

interface MethodSeries {
  readonly seconds: Histogram
  readonly byStatus: Map<number, Counter>
}

/** Responses by method and status, and their times. Series are looked up once, since this runs for each request. */
export class Responses {
  readonly #methods = new Map<string, MethodSeries>()
  readonly #total: CounterFamily
  readonly #seconds: HistogramFamily
  readonly #labels: readonly string[]

  /**
   * @param total with the labels of the others, `method` and `status`
   * @param seconds with the labels of the others and `method`
   * @param labels the values of the labels before these
   */
  constructor(total: CounterFamily, seconds: HistogramFamily, ...labels: readonly string[]) {
    this.#total = total
    this.#seconds = seconds
    this.#labels = labels
  }

  /** @param begin milliseconds of `performance.now()` */
  add(method: string | undefined, status: number, begin: number): void {
    const known = method !== undefined && METHODS.has(method) ? method : 'OTHER'
    const { seconds, byStatus } = this.#methods.get(known) ?? this.#open(known)
    seconds.since(begin)
    const counter = byStatus.get(status) ?? this.#total.with(...this.#labels, known, String(status))
    byStatus.set(status, counter)
    counter.inc()
  }

  #open(method: string): MethodSeries {
    const series = { seconds: this.#seconds.with(...this.#labels, method), byStatus: new Map<number, Counter>() }
    this.#methods.set(method, series)
    return series
  }
}
