import type { HistogramFamily } from '../../core/telemetry/metrics.ts'
import type { ResourceHandler } from '../../crest/protocol/request.ts'

/** IDM's names of the operations in its metrics: `operation="queryCollection"`. */
const OPERATIONS: Readonly<Record<string, string>> = {
  create: 'createInstance',
  read: 'readInstance',
  update: 'updateInstance',
  patch: 'patchInstance',
  delete: 'deleteInstance',
  query: 'queryCollection',
  action: 'actionInstance',
}

type Method = (...args: unknown[]) => Promise<unknown>

/** The same handler, with the time of each operation measured. */
export function measured(handler: ResourceHandler, type: string, seconds: HistogramFamily): ResourceHandler {
  const methods = new Map<string | symbol, Method>()
  return new Proxy(handler, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      const operation = typeof name === 'string' ? OPERATIONS[name] : undefined
      if (typeof value !== 'function' || operation === undefined) return value
      const known = methods.get(name)
      if (known) return known
      const series = seconds.with(type, operation)
      const method: Method = async (...args) => {
        const begin = performance.now()
        try {
          return await (value as Method).apply(target, args)
        } finally {
          series.since(begin)
        }
      }
      methods.set(name, method)
      return method
    },
  })
}
