import { describeFaults, schemaFaults } from '../../config/files/fault.ts'
import type {
  ConfigurationConsumer,
  ConfigurationFault,
  ConfigurationObject,
  ConfigurationService,
  Disposable,
  JsonObject,
  Logger,
} from '../../contract.ts'
import type { z } from '../../core/schema.ts'
import { StartError } from './start-error.ts'

export interface SettingOptions<T> {
  /** Name of the object, such as `access`. */
  readonly name: string
  readonly schema: z.ZodType<T>
  /** In force while there is no such object. */
  readonly absent: T
  /** The members of the object that have no effect. */
  readonly ignored?: (content: JsonObject) => string[]
  readonly log: Logger
}

/**
 * A configuration object that exists once, as a value. A broken edit keeps the last good value and is logged; one that
 * is broken at the start is an error, since nothing safe is known to fall back to.
 */
export class Setting<T> implements ConfigurationConsumer {
  readonly factoryPid: string
  readonly #options: SettingOptions<T>
  #value: T
  #fault: string | undefined
  #following = false
  #notice: string | undefined

  constructor(options: SettingOptions<T>) {
    this.factoryPid = options.name
    this.#options = options
    this.#value = options.absent
  }

  get value(): T {
    return this.#value
  }

  /** What a person should know of the object that is in force. */
  get notice(): string | undefined {
    return this.#notice
  }

  validate(_id: string, content: JsonObject): ConfigurationFault[] {
    const parsed = this.#options.schema.safeParse(content)
    return parsed.success ? [] : schemaFaults(parsed.error)
  }

  /**
   * Takes what is there into force, and follows it from now on.
   * @throws StartError when it is broken
   */
  async follow(configuration: ConfigurationService): Promise<Disposable> {
    const subscription = await configuration.subscribe(this)
    this.#following = true
    if (this.#fault === undefined) return subscription
    await subscription.dispose()
    throw new StartError(this.#fault)
  }

  async apply([object]: readonly ConfigurationObject[]): Promise<void> {
    this.#fault = this.#take(object)
    if (this.#fault === undefined || !this.#following) return
    this.#options.log.error({ file: object?.file }, `${this.#fault}; what was in force stays`)
  }

  /** @returns one sentence when `object` cannot be used */
  #take(object: ConfigurationObject | undefined): string | undefined {
    if (object === undefined) {
      this.#value = this.#options.absent
      this.#notice = undefined
      return undefined
    }
    // Whoever read the file has named it in the message already.
    if (object.content === undefined) return object.error ?? `${object.file}: it could not be read`
    const faults = this.validate(object.id, object.content)
    if (faults.length > 0) return `${object.file}: ${describeFaults(object, faults)}`
    this.#value = this.#options.schema.parse(object.content)
    this.#tellIgnored(object, object.content)
    return undefined
  }

  #tellIgnored({ file }: ConfigurationObject, content: JsonObject): void {
    const { ignored, log } = this.#options
    const names = ignored?.(content) ?? []
    const notice = names.length > 0 ? `${file}: these members have no effect here: ${names.join(', ')}` : undefined
    if (notice !== undefined && notice !== this.#notice) log.warn({ file, members: names }, notice)
    this.#notice = notice
  }
}
