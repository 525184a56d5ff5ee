import { ConfiguredObjects } from '../../config/files/configured-objects.ts'
import { schemaFaults } from '../../config/files/fault.ts'
import type { Json, JsonObject, Logger } from '../../contract.ts'
import type { z } from '../../core/schema.ts'

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
  /** Returns the members of the object that have no effect. */
  readonly ignored?: (content: JsonObject) => string[]
  readonly log: Logger
}

/** A singleton configuration object as a value. */
export class Setting<T> extends ConfiguredObjects<{ readonly value: T; readonly notice?: string | undefined }> {
  readonly #name: string
  readonly #absent: T

  constructor({ name, schema, absent, fallback, consequence, ignored, log }: SettingOptions<T>) {
    super({
      factoryPid: name.split('/')[0] ?? name,
      validate: ({ object, content }) => {
        const { error } = object.id === name ? schema.safeParse(content) : {}
        return error ? schemaFaults(error) : []
      },
      provision: ({ object: { id, file }, content }, _key, last) => {
        if (id !== name) return { value: absent }
        const members = ignored?.(content as JsonObject) ?? []
        const text = `${file}: these members have no effect here: ${members.join(', ')}`
        const notice = members.length > 0 ? text : undefined
        if (notice !== undefined && notice !== last?.notice) log.warn({ file, members }, notice)
        return { value: schema.parse(content), notice }
      },
      fallback: ({ content }) => ({ value: fallback ? fallback(content) : absent }),
      consequence: consequence ?? 'the defaults are in force',
      log,
    })
    this.#name = name
    this.#absent = absent
  }

  get value(): T {
    const own = this.get(this.#name)
    return own ? own.value : this.#absent
  }

  /** A warning about the object in force. */
  get notice(): string | undefined {
    return this.get(this.#name)?.notice
  }
}
