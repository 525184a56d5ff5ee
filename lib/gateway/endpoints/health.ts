import { arch, availableParallelism, loadavg, release, type } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import type { QueueStatus } from '../../sync/live/queue/queue-service.ts'
import { single } from './listed.ts'

/** The names that a JVM reports. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'aarch64' }

/** `health/os`: `systemLoadAverage` is that of the last minute. */
export const operatingSystem = single('health/os', () => ({
  availableProcessors: availableParallelism(),
  systemLoadAverage: loadavg()[0] ?? -1,
  operatingSystemArchitecture: ARCHITECTURES[arch()] ?? arch(),
  operatingSystemName: type(),
  operatingSystemVersion: release(),
}))

/** `health/memory`: in bytes, -1 = unknown. `nonHeapMemoryUsage` is memory outside the JavaScript heap. */
export const memory = single('health/memory', () => {
  const { used_heap_size: used, total_heap_size: committed, heap_size_limit: max } = getHeapStatistics()
  const { rss, external } = process.memoryUsage()
  return {
    objectPendingFinalization: 0,
    heapMemoryUsage: { init: -1, used, committed, max },
    nonHeapMemoryUsage: { init: -1, used: external, committed: Math.max(external, rss - committed), max: -1 },
  }
})

/**
 * `health/recon`: each active run counts as a thread.
 * @param load `peak` = the maximum number of concurrent runs so far, `limit` = how many may be active
 */
export const reconciliations = (load: () => { active: number; peak: number; limit: number }) =>
  single('health/recon', () => {
    const { active, peak, limit } = load()
    return {
      activeThreads: active,
      corePoolSize: 0,
      largestPoolSize: peak,
      maximumPoolSize: limit,
      currentPoolSize: active,
    }
  })

/** `health/queue`: queued changes of all mappings. `isHealthy` is false while a mapping is paused or its target is not available. */
export const queues = (status: () => Promise<readonly QueueStatus[]>) =>
  single('health/queue', async () => {
    const all = await status()
    const sum = (count: (queue: QueueStatus) => number) => all.reduce((total, queue) => total + count(queue), 0)
    return {
      isHealthy: all.every(({ condition }) => condition !== 'paused' && condition !== 'waiting'),
      waiting: sum(({ waiting }) => waiting),
      dead: sum(({ dead }) => dead),
      paused: all.flatMap(({ mapping, pause }) => (pause ? [mapping] : [])),
      mappings: all.map(({ mapping, condition, reason, waiting, dead }) => ({
        mapping,
        condition,
        reason,
        waiting,
        dead,
      })),
    }
  })
