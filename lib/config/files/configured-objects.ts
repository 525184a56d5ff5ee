import { basename } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type {
  ConfigurationConsumer,
  ConfigurationFault,
  ConfigurationFaults,
  ConfigurationFileFault,
  ConfigurationObject,
  Disposable,
  Json,
  JsonObject,
  Logger,
} from '../../contract.ts'
import type { Awaitable } from '../../core/awaitable.ts'
import { type ConfiguredEntry, ConfiguredSet, type ConfiguredSetOptions } from '../../core/configured-set.ts'
import { describeFileFaults, faultsIn } from './fault.ts'

/** A configuration entry: an object, or an element of a list in an object. */
export interface Configured {
  readonly object: ConfigurationObject
  /** Location in the object: empty for the object, `['filters', '0']` for an element. */
  readonly pointer: readonly string[]
  /** With all expressions resolved; null if there is a fault. */
  readonly content: Json
  /** Why there is no content, or why the entry is invalid regardless of its content. */
  readonly fault?: string | undefined
}

export interface ConfiguredList {
  /** The member of the object that holds the entries. */
  readonly member: string
  /** The expected form: the reason of a fault. */
  readonly form: string
  /** Whether the member is optional. */
  readonly isOptional?: boolean
  /** Identifies an entry across edits; without a key, an entry replaces the one at the same position. */
  keyOf(content: Json): string | undefined
  /** The fault of an entry with a duplicate key. Default: duplicates are allowed. */
  readonly twice?: string
}

export interface ConfiguredObjectsOptions<Value>
  extends Pick<ConfiguredSetOptions<Configured, Value>, 'provision' | 'swap' | 'cleanUp' | 'onChange'> {
  readonly factoryPid: string
  /** Default: each object is one entry, identified by its id. */
  readonly list?: ConfiguredList
  /** In force without an object. */
  readonly absent?: JsonObject
  /** Pointers are relative to the entry. */
  validate(entry: Configured): Awaitable<ConfigurationFaults>
  /**
   * Replaces an entry that was never valid.
   * @param entry has no pointer if the list of the object cannot be read
   * @param faults with locations in the file
   */
  fallback?(entry: Configured, key: string, faults: ConfigurationFileFault[]): Awaitable<Value | undefined>
  /** The effect of an entry that was never valid, for the log and `doctor`. */
  readonly consequence?: string
  /** What of an entry has no effect, although nothing is wrong with it. Pointers are relative to the entry. */
  notices?(entry: Configured, value: Value): ConfigurationFaults
  readonly log: Logger
}

/** The objects of one factory as a configured set. Each fault is logged once, and kept for status and `check`. */
export class ConfiguredObjects<Value> implements ConfigurationConsumer, Disposable {
  readonly factoryPid: string
  readonly #options: ConfiguredObjectsOptions<Value>
  readonly #set: ConfiguredSet<Configured, Value>
  /** The last readable list. */
  #list: ReadonlyMap<string, Configured> | undefined

  constructor(options: ConfiguredObjectsOptions<Value>) {
    const { factoryPid, validate, provision, fallback, swap, cleanUp, onChange } = options
    this.factoryPid = factoryPid
    this.#options = options
    this.#set = new ConfiguredSet<Configured, Value>({
      validate: (entry) => (entry.fault === undefined ? validate(entry) : [entry.fault]),
      provision,
      fallback: (entry, key, faults) =>
        this.#isListKept(entry) ? undefined : fallback?.(entry, key, fileFaults(entry, faults)),
      ...(swap && { swap }),
      ...(cleanUp && { cleanUp }),
      onChange: (key, entry, old) => {
        this.#report(entry, old?.faults)
        this.#reportNotices(entry, old)
        onChange?.(key, entry, old)
      },
      isSame: (one, other) => isDeepStrictEqual([one.content, one.fault], [other.content, other.fault]),
    })
  }

  get(key: string): Value | undefined {
    return this.#set.get(key)
  }

  get entries(): ReadonlyMap<string, ConfiguredEntry<Configured, Value>> {
    return this.#set.entries
  }

  /** The values in force, in the order of the configuration. */
  get values(): readonly Value[] {
    return this.#set.values
  }

  /** Validates faulty entries again: a missing script file may exist by now. @returns the value if valid */
  async retry(key = ''): Promise<Value | undefined> {
    await this.#set.retry()
    const entry = this.#set.entries.get(key)
    return entry?.good && entry.value
  }

  async validate(id: string, content: JsonObject): Promise<ConfigurationFault[]> {
    const entries = this.#entriesOf({ id, alias: id.split('/')[1] ?? null, file: id, content })
    const judged = [...entries.values()].map(async (entry) => {
      const faults = entry.fault === undefined ? await this.#options.validate(entry) : [entry.fault]
      return fileFaults(entry, faults)
    })
    return (await Promise.all(judged)).flat().map(({ file: _, ...fault }) => fault)
  }

  apply(objects: readonly ConfigurationObject[]): Promise<void> {
    const { list, absent, factoryPid } = this.#options
    const byDefault = absent && { id: factoryPid, alias: null, file: `${factoryPid}.json`, content: absent }
    const inForce = objects.length === 0 && byDefault ? [byDefault] : objects
    const inputs = new Map(inForce.flatMap((object) => [...this.#entriesOf(object)]))
    if (!list) return this.#set.apply(inputs)
    const isReadable = [...inputs.values()].every(({ pointer }) => pointer.length > 0)
    if (!isReadable) return this.#set.apply(new Map([...(this.#list ?? []), ...inputs]))
    this.#list = inputs
    return this.#set.apply(inputs)
  }

  faults(): ConfigurationFileFault[] {
    return [...this.#set.entries.values()].flatMap((entry) => {
      const consequence = this.#meaningOf(entry)
      return fileFaults(entry.input, entry.faults).map((fault) => ({ ...fault, consequence }))
    })
  }

  notices(): ConfigurationFileFault[] {
    return [...this.#set.entries.values()].flatMap((entry) => this.#noticesOf(entry))
  }

  dispose(): Promise<void> {
    return this.#set.dispose()
  }

  #entriesOf(object: ConfigurationObject): ReadonlyMap<string, Configured> {
    const { list } = this.#options
    const { id, file, content, error = 'it cannot be read' } = object
    const whole = (fault?: string) => new Map([[id, { object, pointer: [], content: content ?? null, fault }]])
    if (!content) return whole(error.replace(`${basename(file)}: `, ''))
    if (!list) return whole()
    const elements = content[list.member] ?? (list.isOptional ? [] : null)
    if (!Array.isArray(elements)) return whole(`${list.member}: ${list.form}`)
    const before = [...(this.#list?.keys() ?? [])]
    const keys = elements.map((element) => list.keyOf(element))
    const entries = new Map<string, Configured>()
    for (const [index, element] of elements.entries()) {
      const place = `${list.member}.${index}`
      const at = before[index] ?? place
      const key = keys[index] ?? (keys.includes(at) ? place : at)
      const isTwice = entries.has(key)
      const fault = isTwice ? list.twice : undefined
      const entry = { object, pointer: [list.member, `${index}`], content: element, fault }
      entries.set(isTwice ? `${key} ${place}` : key, entry)
    }
    return entries
  }

  /** Whether the list of this object is unreadable and the entries of the last valid list stay in force. */
  #isListKept({ pointer }: Configured): boolean {
    return this.#options.list !== undefined && this.#list !== undefined && pointer.length === 0
  }

  #report(entry: ConfiguredEntry<Configured, Value> | undefined, known: ConfigurationFaults = []): void {
    if (!entry || isDeepStrictEqual(entry.faults, known)) return
    const { input, faults, good } = entry
    const isKept = good !== undefined || this.#isListKept(input)
    const isRead = input.object.content !== undefined
    // The reader of the file has logged the error.
    if (faults.length === 0 || (isKept && !isRead)) return
    const { log } = this.#options
    const all = fileFaults(input, faults)
    const message = `${describeFileFaults(all)}; ${this.#meaningOf(entry)}`
    log[isRead ? 'error' : 'warn']({ id: input.object.id, file: input.object.file, faults: all }, message)
  }

  #reportNotices(entry: ConfiguredEntry<Configured, Value> | undefined, old: typeof entry): void {
    const notices = entry ? this.#noticesOf(entry) : []
    if (notices.length === 0 || (old && isDeepStrictEqual(notices, this.#noticesOf(old)))) return
    const { file, id } = entry?.input.object ?? {}
    this.#options.log.warn({ id, file, notices }, describeFileFaults(notices))
  }

  #noticesOf({ input, good, value }: ConfiguredEntry<Configured, Value>): ConfigurationFileFault[] {
    const { notices, absent } = this.#options
    const inForce = good?.input ?? input
    // Of the defaults there is nothing to say.
    if (absent && inForce.object.content === absent) return []
    return notices && value !== undefined ? fileFaults(inForce, notices(inForce, value)) : []
  }

  #meaningOf({ input, good }: ConfiguredEntry<Configured, Value>): string {
    const { consequence = 'it is not in force' } = this.#options
    return good !== undefined || this.#isListKept(input) ? 'the last valid version stays in force' : consequence
  }
}

/** The faults of an entry with locations in its file. */
export const fileFaults = ({ object, pointer }: Configured, faults: ConfigurationFaults): ConfigurationFileFault[] =>
  faultsIn(object, faults).map((fault) => ({ ...fault, pointer: [...pointer, ...fault.pointer] }))
