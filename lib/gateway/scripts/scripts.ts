import type { ContentResolver } from '../../config/values/content-resolver.ts'
import type { ConfigurationService, Disposable, Logger, MetricsRegistry } from '../../contract.ts'
import { Scope } from '../../core/scope.ts'
import { connect } from '../../crest/protocol/connection.ts'
import type { ResourceRouter } from '../../crest/protocol/router.ts'
import { ConfiguredEngine } from '../../script/configured/engine.ts'
import type { ScriptEngine } from '../../script/main/engine.ts'
import { customEndpoints } from '../../script/rest/endpoints.ts'
import { RouterFilters } from '../../script/rest/filters.ts'
import { addScriptResource } from '../../script/rest/resource.ts'
import type { Project } from '../project/project.ts'

export interface ScriptingOptions {
  readonly router: ResourceRouter
  readonly project: Project
  readonly configuration: ConfigurationService
  readonly resolver: ContentResolver
  readonly metrics?: MetricsRegistry | undefined
  readonly log: Logger
}

/**
 * The script engine with `script.json`, the resource `script`, the endpoints of `endpoint-NAME.json` and the filters of
 * `router.json`.
 */
export class Scripting implements Disposable {
  readonly filters: RouterFilters
  readonly #options: ScriptingOptions
  readonly #scope: Scope
  readonly #engine: ConfiguredEngine

  constructor(options: ScriptingOptions) {
    const { router, project, resolver, metrics, log } = options
    this.#options = options
    this.#scope = new Scope(log)
    this.#engine = this.#scope.own(
      'script engine',
      new ConfiguredEngine({
        connect: (context) => connect(router, context),
        projectDir: project.dir,
        resolver,
        metrics,
        log,
      }),
    )
    this.filters = this.#scope.own('router filters', new RouterFilters({ router, scripts: this.engine, log }))
  }

  get engine(): ScriptEngine {
    return this.#engine.engine
  }

  /** Resolves when `script.json` and `router.json` are in force, or their faults are known. */
  async start(): Promise<void> {
    const { router, configuration } = this.#options
    await this.#engine.follow(configuration)
    this.#scope.own('route script', addScriptResource(router, this.engine))
    this.#scope.own('router.json', await configuration.subscribe(this.filters))
  }

  /** Custom endpoints come last: one whose route is taken is skipped. */
  async serveEndpoints(): Promise<void> {
    const { router, configuration, log } = this.#options
    const endpoints = this.#scope.own('endpoints', customEndpoints({ router, scripts: this.engine, log }))
    this.#scope.own('endpoint-*.json', await configuration.subscribe(endpoints))
  }

  dispose(): Promise<void> {
    return this.#scope.dispose()
  }
}
