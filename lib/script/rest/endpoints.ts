import { type Configured, ConfiguredObjects } from '../../config/files/configured-objects.ts'
import { faultAt } from '../../config/files/fault.ts'
import type { ConfigurationFault, ConfigurationFaults, Disposable, Json, Logger } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { ResourceRouter } from '../../crest/protocol/router.ts'
import type { ScriptService } from '../main/engine.ts'
import { compileOrLeaveOut } from '../main/stock.ts'
import { Endpoint } from './endpoint.ts'

export interface EndpointsOptions {
  readonly router: ResourceRouter
  readonly scripts: ScriptService
  readonly log: Logger
}

interface Served {
  readonly route: string
  /** Absent when its script is one of IDM that is left out. */
  readonly endpoint?: Endpoint
  readonly notices?: readonly ConfigurationFault[]
  entry?: Disposable
}

/** The custom endpoints of `conf/endpoint-NAME.json`. One that was never good answers 503 until its script compiles. */
export function customEndpoints({ router, scripts, log }: EndpointsOptions): ConfiguredObjects<Served> {
  const provision = (entry: Configured): Served => {
    const { route, below } = placeOf(entry)
    const compile = async () => {
      const script = await scripts.compileWhole(scriptOf(entry), entry.object.id)
      void endpoints.retry(entry.object.id)
      return script
    }
    return { route, endpoint: new Endpoint({ scripts, below, compile }) }
  }
  const endpoints: ConfiguredObjects<Served> = new ConfiguredObjects<Served>({
    factoryPid: 'endpoint',
    validate: async (entry): Promise<ConfigurationFaults> => {
      const { id } = entry.object
      const { route } = placeOf(entry)
      if (route === '') return [PATH_FAULT]
      const isFree = endpoints.get(id)?.route === route || !router.isTaken(route)
      if (!isFree) return [`context: must be a route that is free; "${route}" is served already`]
      return compileOrLeaveOut(scripts, scriptOf(entry), id).then(
        () => [],
        (error: unknown) => [faultAt([], error)],
      )
    },
    provision: async (entry) => {
      const result = await compileOrLeaveOut(scripts, scriptOf(entry), entry.object.id)
      if ('script' in result) return provision(entry)
      const { reason, cure } = result.leftOut
      return { route: placeOf(entry).route, notices: [{ pointer: [], reason, cure }] }
    },
    notices: (_entry, { notices = [] }) => notices,
    fallback: (entry) => {
      const { route } = placeOf(entry)
      return route === '' || router.isTaken(route) ? undefined : provision(entry)
    },
    swap: (next, old) => {
      const add = () => next?.endpoint && { entry: router.add(next.route, next.endpoint) }
      if (next && next.route !== old?.route) Object.assign(next, add())
      void old?.entry?.dispose()
      if (next && !next.entry) Object.assign(next, add())
    },
    consequence: 'it is not served',
    log,
  })
  return endpoints
}

const PATH_FAULT = 'context: must be a path such as "endpoint/quota/*"'
const PATH = /^\/?[^*\s/]+(?:\/[^*\s/]+)*(?:\/\*|\/)?$/

/** The route is `context` without its closing `/*`, else the id of the object; empty when `context` is no path. */
function placeOf({ object: { id }, content }: Configured): { route: string; below: boolean } {
  const context = (isObject(content) ? content.context : undefined) ?? null
  if (context === null) return { route: isObject(content) ? id : '', below: true }
  if (typeof context !== 'string' || !PATH.test(context)) return { route: '', below: false }
  const path = context.replace(/^\//, '').replace(/\/$/, '')
  return { route: path.replace(/\/?\*$/, ''), below: path.endsWith('*') }
}

function scriptOf({ content }: Configured): Json {
  if (!isObject(content)) return null
  const { context, apiDescription: _description, _id, ...script } = content
  return script
}
