import { Setting } from '../../config/files/setting.ts'
import type { ContentResolver } from '../../config/values/content-resolver.ts'
import type { ConfigurationObject, ConfigurationService, Disposable, Logger } from '../../contract.ts'
import { Scope } from '../../core/scope.ts'
import { ScriptEngine, type ScriptEngineOptions } from '../main/engine.ts'
import { secretsOf } from '../main/secrets.ts'
import { engineSettings, type ScriptSettings, scriptSettingsSchema } from '../main/settings.ts'
import { serverProperties } from './server-properties.ts'

export interface ConfiguredEngineOptions extends Pick<ScriptEngineOptions, 'connect' | 'metrics' | 'log'> {
  /** Absolute; the directories of script files are relative to it. */
  readonly projectDir: string
  /** The properties that scripts read, and the keys for `openidm.encrypt`. */
  readonly resolver: Pick<ContentResolver, 'keys' | 'sources'>
}

/** The script engine of a project, as its `script.json` configures it. */
export class ConfiguredEngine implements Disposable {
  readonly engine: ScriptEngine
  readonly #scope: Scope
  readonly #settings: EngineSetting

  constructor({ connect, projectDir, resolver, metrics, log }: ConfiguredEngineOptions) {
    this.#scope = new Scope(log)
    this.#settings = new EngineSetting(log, (settings) => this.engine.configure(engineSettings(settings, projectDir)))
    this.engine = this.#scope.own(
      'script engine',
      new ScriptEngine({
        ...engineSettings(this.#settings.value, projectDir),
        connect,
        metrics,
        secrets: secretsOf(() => resolver.keys()),
        server: serverProperties(projectDir, resolver.sources, () => this.#settings.value.visibleProperties, log),
        log,
      }),
    )
  }

  /** Resolves when `script.json` is in force, or its faults are known. */
  async follow(configuration: ConfigurationService): Promise<void> {
    this.#scope.own('script.json', await configuration.subscribe(this.#settings))
  }

  dispose(): Promise<void> {
    return this.#scope.dispose()
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
