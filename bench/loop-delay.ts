/** Loaded before the gateway: measures the delay of its event loop, and tells it over IPC when asked. */
import { monitorEventLoopDelay } from 'node:perf_hooks'

const histogram = monitorEventLoopDelay({ resolution: 5 })
histogram.enable()

process.on('message', (message) => {
  if (message === 'reset') histogram.reset()
  if (message === 'read') process.send?.({ loopP99: histogram.percentile(99) / 1e6, loopMax: histogram.max / 1e6 })
})
// The gateway ends when it is told to, not when nobody listens.
process.channel?.unref()
