import { arch, availableParallelism, loadavg, release, type } from 'node:os'
import { getHeapStatistics } from 'node:v8'
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
