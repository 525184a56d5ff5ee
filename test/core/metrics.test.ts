import assert from 'node:assert/strict'
import { Registry } from 'prom-client'
import { Metrics } from '../../lib/core/telemetry/metrics.ts'
import { MetricsPage } from '../helpers/metrics-page.ts'

const pageOf = async (metrics: Metrics) => {
  const registry = new Registry()
  metrics.register(registry)
  return new MetricsPage(await registry.metrics())
}

describe('Metrics', () => {
  it('count by labels, and escape them', async () => {
    const metrics = new Metrics()
    const counter = metrics.counter({ name: 'x_total', help: 'Counts\nthis.', labels: ['a', 'b'] })
    const hard = 'quote " backslash \\ line\nfeed'
    counter.with(hard, '1').inc()
    counter.with(hard, '1').inc(2)
    counter.with('plain', '1').inc()
    const page = await pageOf(metrics)
    assert.equal(page.sum('x_total', { a: hard, b: '1' }), 3)
    assert.equal(page.sum('x_total'), 4)
    counter.forget('a', hard)
    assert.equal((await pageOf(metrics)).sum('x_total'), 1)
  })

  it('sort durations into buckets', async () => {
    const metrics = new Metrics()
    const series = metrics.histogram({ name: 'x_seconds', help: 'Times.' }).with()
    for (const seconds of [0, 0.001, 0.0011, 5, 61]) series.observe(seconds)
    const page = await pageOf(metrics)
    assert.equal(page.sum('x_seconds_bucket', { le: '0.001' }), 2)
    assert.equal(page.sum('x_seconds_bucket', { le: '5' }), 4)
    assert.equal(page.sum('x_seconds_bucket', { le: '60' }), 4)
    assert.equal(page.sum('x_seconds_count'), 5)
    assert.equal(page.sum('x_seconds_sum'), 66.0021)
  })

  it('read values when they are asked for', async () => {
    const metrics = new Metrics()
    let value = 1
    metrics.read({ name: 'x', help: 'Now.', type: 'gauge', labels: ['a'], read: () => [[value, 'one']] })
    assert.equal((await pageOf(metrics)).sum('x', { a: 'one' }), 1)
    value = 2
    assert.equal((await pageOf(metrics)).sum('x', { a: 'one' }), 2)
  })

  it('register all of them or none', async () => {
    const registry = new Registry()
    const [first, second] = [new Metrics(), new Metrics()]
    for (const metrics of [first, second]) metrics.counter({ name: 'x_total', help: 'x' })
    second.counter({ name: 'a_total', help: 'x' })
    const registered = first.register(registry)
    assert.throws(() => second.register(registry), /x_total has already been registered/)
    assert.equal(registry.getMetricsAsArray().length, 1)
    await registered.dispose()
    assert.equal(registry.getMetricsAsArray().length, 0)
    second.register(registry)
    assert.equal(registry.getMetricsAsArray().length, 2)
  })
})
