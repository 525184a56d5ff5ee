import { describeFaults, faultAt } from '../../config/files/fault.ts'
import type {
  ConfigurationConsumer,
  ConfigurationFaults,
  ConfigurationObject,
  Disposable,
  Json,
  JsonObject,
  Logger,
} from '../../contract.ts'
import { ResourceException } from '../../crest/errors.ts'
import type { ResourceRouter } from '../../crest/protocol/router.ts'
import type { ScriptService } from '../main/engine.ts'
import { Endpoint } from './endpoint.ts'

export interface EndpointsOptions {
  readonly router: ResourceRouter
  readonly scripts: ScriptService
  readonly log: Logger
}

interface Served {
  /** What it was made from. */
  readonly content: string
  readonly route: string
  readonly entry: Disposable
}

/**
 * The custom endpoints of `conf/endpoint-NAME.json`. One that is broken is told and serves as it did before; a new one
 * answers with what is wrong until its script compiles.
 */
export class Endpoints implements ConfigurationConsumer, Disposable {
  readonly factoryPid = 'endpoint'
  readonly #options: EndpointsOptions
  /** By id of the configuration object. */
  readonly #served = new Map<string, Served>()

  constructor(options: EndpointsOptions) {
    this.#options = options
  }

  async validate(id: string, content: JsonObject): Promise<ConfigurationFaults> {
    const { router, scripts } = this.#options
    try {
      const { route, script } = parseEndpoint(id, content)
      if (route === '') return ['context: must be a path such as "endpoint/quota/*"']
      const isOwn = this.#served.get(id)?.route === route
      if (!isOwn && router.isTaken(route))
        return [`context: must be a route that is free; "${route}" is served already`]
      await scripts.compile(script, id)
      return []
    } catch (error) {
      return error instanceof ResourceException ? [faultAt([], error)] : [sentenceOf(error)]
    }
  }

  async apply(objects: readonly ConfigurationObject[]): Promise<void> {
    const present = new Set(objects.map(({ id }) => id))
    for (const id of [...this.#served.keys()]) if (!present.has(id)) await this.#withdraw(id)
    for (const object of objects) await this.#serve(object)
  }

  async dispose(): Promise<void> {
    for (const id of [...this.#served.keys()]) await this.#withdraw(id)
  }

  async #serve(object: ConfigurationObject): Promise<void> {
    const { id, file, content, error } = object
    const { log } = this.#options
    // Whoever read the file has told that it is broken.
    if (content === undefined) return log.debug({ file }, error ?? `${id} cannot be read`)
    const text = JSON.stringify(content)
    if (this.#served.get(id)?.content === text) return
    try {
      await this.#replace(id, content, text)
    } catch (failure) {
      const stays = this.#served.get(id)?.content === text ? '' : '; what was in force stays'
      const fault = describeFaults(object, [sentenceOf(failure)])
      log.error({ file }, `${id}: ${fault}${this.#served.has(id) ? stays : ''}`)
    }
  }

  /** @throws Error with a sentence when it is broken; it serves all the same when nothing did before */
  async #replace(id: string, content: JsonObject, text: string): Promise<void> {
    const { router, scripts } = this.#options
    const { route, below, script } = parseEndpoint(id, content)
    const endpoint = new Endpoint({ scripts, compile: () => scripts.compile(script, id), below })
    const fault = await endpoint.compile().then(
      () => undefined,
      (error: unknown) => error,
    )
    if (fault === undefined || !this.#served.has(id)) {
      await this.#withdraw(id)
      this.#served.set(id, { content: text, route, entry: router.add(route, endpoint) })
    }
    if (fault !== undefined) throw fault
  }

  async #withdraw(id: string): Promise<void> {
    await this.#served.get(id)?.entry.dispose()
    this.#served.delete(id)
  }
}

/** The route: `context` without its closing `/*`, else the id of the object. */
function parseEndpoint(id: string, content: JsonObject): { route: string; below: boolean; script: JsonObject } {
  const { context = null, apiDescription: _description, _id, ...script } = content
  if (context === null) return { route: id, below: true, script }
  const path = pathOf(context)
  return { route: path.replace(/\/?\*$/, ''), below: path.endsWith('*'), script }
}

function pathOf(context: Json): string {
  if (typeof context === 'string' && /^\/?[^*\s/]+(?:\/[^*\s/]+)*(?:\/\*|\/)?$/.test(context))
    return context.replace(/^\//, '').replace(/\/$/, '')
  throw new Error('context: must be a path such as "endpoint/quota/*"')
}

const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
