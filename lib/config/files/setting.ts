import type { ConfigurationFaults, Json, JsonObject, Logger } from '../../contract.ts'
import type { z } from '../../core/schema.ts'
import { ConfiguredObjects } from './configured-objects.ts'
import { schemaFaults } from './fault.ts'

export interface SettingOptions<T> {
  /** The id of the object, such as `access`. */
  readonly name: string
  readonly schema: z.ZodType<T>
  /** In force if the object does not exist. */
  readonly absent: T
  /** In force until the object is first valid. Default: `absent`. @param content null if it could not be read */
  readonly fallback?: (content: Json) => T
  /** The effect of the fallback, for the log. */
  readonly consequence?: string
  /** What of the object has no effect. @param content as it is in force */
  readonly notices?: (content: JsonObject) => ConfigurationFaults
  readonly log: Logger
}

/** A singleton configuration object as a value. */
export class Setting<T> extends ConfiguredObjects<{ readonly value: T; readonly notices?: ConfigurationFaults }> {
  readonly #name: string
  readonly #absent: T

  constructor({ name, schema, absent, fallback, consequence, notices, log }: SettingOptions<T>) {
    super({
      factoryPid: name.split('/')[0] ?? name,
      validate: ({ object, content }) => {
        const { error } = object.id === name ? schema.safeParse(content) : {}
        return error ? schemaFaults(error) : []
      },
      provision: ({ object: { id }, content }) =>
        id === name
          ? { value: schema.parse(content), notices: notices?.(content as JsonObject) ?? [] }
          : { value: absent },
      fallback: ({ content }) => ({ value: fallback ? fallback(content) : absent }),
      consequence: consequence ?? 'the defaults are in force',
      notices: (_entry, own) => own.notices ?? [],
      log,
    })
    this.#name = name
    this.#absent = absent
  }

  get value(): T {
    const own = this.get(this.#name)
    return own ? own.value : this.#absent
  }
}
