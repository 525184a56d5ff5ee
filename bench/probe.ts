/**
 * Loaded before what is measured (`--import`), it answers over IPC: `reset` starts to measure the delay of the event
 * loop, `read` sends it, `needed` sends the bytes that are in use after a collection of garbage (with `--expose-gc`).
 */
import cluster from 'node:cluster'
import { monitorEventLoopDelay } from 'node:perf_hooks'

const histogram = monitorEventLoopDelay({ resolution: 1 })

function answer(message: unknown): void {
  if (message === 'reset') {
    histogram.reset()
    histogram.enable()
  } else if (message === 'read') {
    histogram.disable()
    process.send?.({ loopP99: histogram.percentile(99) / 1e6, loopMax: histogram.max / 1e6 })
  } else if (message === 'needed') {
    global.gc?.()
    const { heapUsed, external } = process.memoryUsage()
    process.send?.(heapUsed + external)
  }
}

// The workers of a cluster need their channel for themselves.
if (cluster.isPrimary) {
  process.on('message', answer)
  // A process ends when it is done, not when the channel closes.
  process.channel?.unref()
}
