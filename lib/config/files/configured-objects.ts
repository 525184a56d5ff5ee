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

/** One entry of a configuration: an object, or an element of the list that an object holds. */
export interface Configured {
  readonly object: ConfigurationObject
  /** Where in the object: empty for all of it, `['filters', '0']` for an element. */
  readonly pointer: readonly string[]
  /** With every expression resolved; null when there is a fault. */
  readonly content: Json
  /** Why there is no content, or why it cannot be judged by itself. */
  readonly fault?: string | undefined
}

export interface ConfiguredList {
  /** The member of the object that holds the entries. */
  readonly member: string
  /** What it must be: the reason of a fault. */
  readonly form: string
  /** Whether the object may lack it. */
  readonly isOptional?: boolean
  /** Identifies an entry across edits; one without a key takes the place of the entry that stood at its position. */
  keyOf(content: Json): string | undefined
  /** The fault of an entry whose key another one has. Default: several may have the same. */
  readonly twice?: string
}

export interface ConfiguredObjectsOptions<Value>
  extends Pick<ConfiguredSetOptions<Configured, Value>, 'provision' | 'swap' | 'cleanUp' | 'onChange'> {
  readonly factoryPid: string
  /** Absent: each object is one entry, by its id. */
  readonly list?: ConfiguredList
  /** In force while there is no object. */
  readonly absent?: JsonObject
  /** Pointers are relative to the entry. */
  validate(entry: Configured): Awaitable<ConfigurationFaults>
  /**
   * Stands in for an entry that was never good.
   * @param entry has no pointer when the list of the object cannot be read
   * @param faults with their places in the file
   */
  fallback?(entry: Configured, key: string, faults: ConfigurationFileFault[]): Awaitable<Value | undefined>
  /** What it means that an entry was never good, for the log. */
  readonly consequence?: string
  readonly log: Logger
}

/** The objects of one factory as a set: each fault is logged once, and kept for the status and for `check`. */
export class ConfiguredObjects<Value> implements ConfigurationConsumer, Disposable {
  readonly factoryPid: string
  readonly #options: ConfiguredObjectsOptions<Value>
  readonly #set: ConfiguredSet<Configured, Value>
  /** The last list that could be read. */
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

  /** Judges what has a fault again: a script file may be there by now. @returns the value, if it is good */
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
    return [...this.#set.entries.values()].flatMap(({ input, faults }) => fileFaults(input, faults))
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

  /** Whether this is an object without a readable list, while the entries of the last one stay in force. */
  #isListKept({ pointer }: Configured): boolean {
    return this.#options.list !== undefined && this.#list !== undefined && pointer.length === 0
  }

  #report(entry: ConfiguredEntry<Configured, Value> | undefined, known: ConfigurationFaults = []): void {
    if (!entry || isDeepStrictEqual(entry.faults, known)) return
    const { input, faults, good } = entry
    const isKept = good !== undefined || this.#isListKept(input)
    const isRead = input.object.content !== undefined
    // Whoever read the file has logged that it cannot be read.
    if (faults.length === 0 || (isKept && !isRead)) return
    const { consequence = 'it is not in force', log } = this.#options
    const all = fileFaults(input, faults)
    const message = `${describeFileFaults(all)}; ${isKept ? 'what was in force stays' : consequence}`
    log[isRead ? 'error' : 'warn']({ id: input.object.id, file: input.object.file, faults: all }, message)
  }
}

/** What was found in an entry, with places in its file. */
export const fileFaults = ({ object, pointer }: Configured, faults: ConfigurationFaults): ConfigurationFileFault[] =>
  faultsIn(object, faults).map((fault) => ({ ...fault, pointer: [...pointer, ...fault.pointer] }))
