/** A reader of the text format of Prometheus, which refuses what `promtool check metrics` would refuse. */
import assert from 'node:assert/strict'

export interface Series {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y
const SUFFIXES: Readonly<Record<string, readonly string[]>> = { histogram: ['_bucket', '_sum', '_count'] }

/** The series of a page. Fails unless each family has its HELP and TYPE before its series, all together and once. */
export class MetricsPage {
  readonly series: Series[] = []
  /** By family. */
  readonly types = new Map<string, string>()
  readonly #seen = new Set<string>()

  constructor(text: string) {
    assert.ok(text.endsWith('\n'), 'a page ends with a line feed')
    let family = ''
    let helped = ''
    for (const line of text.split('\n')) {
      if (line === '') continue
      const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
      if (kind === 'HELP') {
        assert.match(name, NAME)
        assert.notEqual(rest, '', `${name} has no help`)
        helped = name
      } else if (kind === 'TYPE') {
        assert.equal(name, helped, 'HELP stands before TYPE')
        assert.ok(!this.types.has(name), `${name} has two families`)
        assert.match(rest, /^(counter|gauge|histogram|summary)$/)
        assert.equal(rest === 'counter', name.endsWith('_total'), `${name} is a ${rest}`)
        family = name
        this.types.set(name, rest)
      } else this.#add(line, family)
    }
    this.#checkHistograms()
  }

  /** The sum of the series that have these labels. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    return this.find(name, labels).reduce((sum, { value }) => sum + value, 0)
  }

  find(name: string, labels: Readonly<Record<string, string>> = {}): Series[] {
    const wanted = Object.entries(labels)
    return this.series.filter((one) => one.name === name && wanted.every(([key, value]) => one.labels[key] === value))
  }

  #add(line: string, family: string): void {
    const [, name = '', labels = '', value = ''] = /^([^\s{]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    assert.match(name, NAME, line)
    const suffixes = SUFFIXES[this.types.get(family) ?? ''] ?? ['']
    assert.ok(
      suffixes.some((suffix) => name === family + suffix),
      `${name} stands in the family ${family}`,
    )
    assert.match(value, /^(?:[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|Nan|NaN)$/, line)
    const series = { name, labels: labelsOf(labels), value: Number(value.replace('Inf', 'Infinity')) }
    const id = JSON.stringify([name, Object.entries(series.labels).sort()])
    assert.ok(!this.#seen.has(id), `${line} stands twice`)
    this.#seen.add(id)
    this.series.push(series)
  }

  #checkHistograms(): void {
    for (const [family, type] of this.types) {
      if (type !== 'histogram') continue
      for (const { labels, value } of this.find(`${family}_count`)) {
        const buckets = this.find(`${family}_bucket`, labels)
        const bounds = buckets.map(({ labels: { le = '' } }) => Number(le.replace('Inf', 'Infinity')))
        assert.deepEqual(
          bounds,
          [...new Set(bounds)].sort((a, b) => a - b),
          `${family}: the bounds rise`,
        )
        const counts = buckets.map((bucket) => bucket.value)
        assert.deepEqual(
          counts,
          [...counts].sort((a, b) => a - b),
          `${family}: the counts are cumulated`,
        )
        assert.equal(bounds.at(-1), Number.POSITIVE_INFINITY)
        assert.equal(counts.at(-1), value, `${family}: the last bucket holds all`)
        assert.equal(this.find(`${family}_sum`, labels).length, 1)
      }
    }
  }
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  LABEL.lastIndex = 0
  while (LABEL.lastIndex < text.length) {
    const [, name = '', value = ''] = LABEL.exec(text) ?? assert.fail(`the labels {${text}} cannot be read`)
    assert.ok(!(name in labels), `the label ${name} stands twice`)
    labels[name] = value.replace(/\\(.)/g, (_all, char) => (char === 'n' ? '\n' : char))
  }
  return labels
}
