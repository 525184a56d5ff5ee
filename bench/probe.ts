/**
 * Loaded before what is measured (`--import`), it answers over IPC: `reset` starts to measure the delay of the event
 * loop, `read` sends it, `cpu` sends the microseconds of processor time so far, `needed` the bytes that are in use after a
 * collection of garbage (with `--expose-gc`).
 */
import cluster from 'node:cluster'
import { subscribe } from 'node:diagnostics_channel'
import { monitorEventLoopDelay } from 'node:perf_hooks'

const histogram = monitorEventLoopDelay({ resolution: 1 })

function answer(message: unknown): void {
  if (message === 'reset') {
    histogram.reset()
    histogram.enable()
  } else if (message === 'read') {
    histogram.disable()
    process.send?.({ loopP99: histogram.percentile(99) / 1e6, loopMax: histogram.max / 1e6 })
  } else if (message === 'cpu') {
    const { user, system } = process.cpuUsage()
    process.send?.(user + system)
  } else if (message === 'needed') {
    global.gc?.()
    const { heapUsed, external } = process.memoryUsage()
    process.send?.(heapUsed + external)
  }
}

/** Makes each request dearer by as many microseconds: shows what the benchmark can see. */
const extra = Number(process.env.BENCH_EXTRA_US ?? 0)
if (extra > 0)
  subscribe('http.server.request.start', () => {
    const end = performance.now() + extra / 1000
    while (performance.now() < end);
  })

// The workers of a cluster need their channel for themselves. Whatever happens to the benchmark, what it started ends.
if (cluster.isPrimary) {
  process.on('message', answer)
  process.on('disconnect', () => process.exit())
}
