import type { ContentResolver } from '../../config/values/content-resolver.ts'
import type { ConfigurationObject, ConfigurationService, Disposable, Logger } from '../../contract.ts'
import { Scope } from '../../core/scope.ts'
import { connect } from '../../crest/protocol/connection.ts'
import type { ResourceRouter } from '../../crest/protocol/router.ts'
import { ScriptEngine } from '../../script/main/engine.ts'
import { secretsOf } from '../../script/main/secrets.ts'
import { engineSettings, type ScriptSettings, scriptSettingsSchema } from '../../script/main/settings.ts'
import { customEndpoints } from '../../script/rest/endpoints.ts'
import { RouterFilters } from '../../script/rest/filters.ts'
import { addScriptResource } from '../../script/rest/resource.ts'
import type { Project } from '../project/project.ts'
import { Setting } from '../project/setting.ts'
import { serverProperties } from './properties.ts'

export interface ScriptingOptions {
  readonly router: ResourceRouter
  readonly project: Project
  readonly configuration: ConfigurationService
  readonly resolver: ContentResolver
  readonly log: Logger
}

/**
 * The script engine with `script.json`, the resource `script`, the endpoints of `endpoint-NAME.json` and the filters of
 * `router.json`.
 */
export class Scripting implements Disposable {
  readonly engine: ScriptEngine
  readonly filters: RouterFilters
  readonly #options: ScriptingOptions
  readonly #scope: Scope
  readonly #settings: EngineSetting

  constructor(options: ScriptingOptions) {
    const { router, project, resolver, log } = options
    this.#options = options
    this.#scope = new Scope(log)
    this.#settings = new EngineSetting(log, (settings) => this.#configure(settings))
    this.engine = this.#scope.own(
      'script engine',
      new ScriptEngine({
        ...engineSettings(this.#settings.value, project.dir),
        connect: (context) => connect(router, context),
        secrets: secretsOf(() => resolver.keys()),
        server: serverProperties(project, resolver.sources, () => this.#settings.value.visibleProperties, log),
        log,
      }),
    )
    this.filters = this.#scope.own('router filters', new RouterFilters({ router, scripts: this.engine, log }))
  }

  /** Resolves when `script.json` and `router.json` are in force, or their faults are known. */
  async start(): Promise<void> {
    const { router, configuration } = this.#options
    this.#scope.own('script.json', await configuration.subscribe(this.#settings))
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

  async #configure(settings: ScriptSettings): Promise<void> {
    await this.engine.configure(engineSettings(settings, this.#options.project.dir))
  }
}

/** Applies changes of `script.json` to the engine. */
class EngineSetting extends Setting<ScriptSettings> {
  readonly #onChange: (settings: ScriptSettings) => Promise<void>

  constructor(log: Logger, onChange: (settings: ScriptSettings) => Promise<void>) {
    super({ name: 'script', schema: scriptSettingsSchema, absent: scriptSettingsSchema.parse({}), log })
    this.#onChange = onChange
  }

  override async apply(objects: readonly ConfigurationObject[]): Promise<void> {
    const before = this.value
    await super.apply(objects)
    if (before !== this.value) await this.#onChange(this.value)
  }
}
