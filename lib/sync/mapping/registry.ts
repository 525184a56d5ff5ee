import { basename } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { fileOfObjectId } from '../../config/files/naming.ts'
import type {
  ConfigurationConsumer,
  ConfigurationFileFault,
  ConfigurationObject,
  ConfigurationService,
  Disposable,
  JsonObject,
  Logger,
} from '../../contract.ts'
import { ConfiguredSet } from '../../core/configured-set.ts'
import { Scope } from '../../core/scope.ts'
import { conflict } from '../../crest/errors.ts'
import {
  type ConfiguredMapping,
  faultsBeside,
  faultText,
  listed,
  type MappingJudges,
  type MappingSource,
  mappingFaults,
  placeOf,
  single,
  takenTwice,
  takenTwiceFault,
} from './entries.ts'
import { heldNotice } from './liveness.ts'
import { mappingNotices, mappingSchema } from './mapping.ts'
import { inOrder } from './order.ts'
import { protectionFaults } from './protection-faults.ts'
import { type Entry, report, textOf } from './registry-report.ts'
import { relationshipFaults } from './relationship-faults.ts'

export type { ConfiguredMapping } from './entries.ts'

/** A mapping whose configured version is not in force, and why. */
export interface FaultyMapping {
  readonly name: string
  /** As configured. */
  readonly config: JsonObject
  /** One sentence that names the place. */
  readonly fault: string
}

const LIST_FORM = 'mappings: must be an array of mappings'

/**
 * The mappings of `conf/sync.json` and of each `conf/mapping-NAME.json`. One that is broken keeps its last good state
 * and is no trouble for the others. Of different mappings that share a name none is in force: which is meant cannot be known.
 */
export class MappingRegistry implements Disposable {
  readonly #judges: MappingJudges
  readonly #scope: Scope
  readonly #set: ConfiguredSet<MappingSource, ConfiguredMapping>
  /** Of `sync.json`. */
  #list: readonly MappingSource[] = []
  /** `sync.json` itself while it holds no list. */
  #broken: MappingSource | undefined
  #singles: readonly MappingSource[] = []
  /** Whether the files of all mappings have been read: only then one that is named can be missing. */
  #isComplete = false
  #bySource: { readonly entries: object; readonly mappings: ReadonlyMap<string, ConfiguredMapping[]> } | undefined
  readonly #watchers = new Set<() => void>()
  /** Those that were found, with their keys in the set. */
  #found: readonly (readonly [key: string, source: MappingSource])[] = []

  constructor(log: Logger, judges: MappingJudges = {}) {
    this.#judges = judges
    this.#scope = new Scope(log)
    this.#set = this.#scope.own(
      'mappings',
      new ConfiguredSet<MappingSource, ConfiguredMapping>({
        validate: async ({ config, unread, error, beside }) => {
          if (!config || error !== undefined) return [error ?? unread ?? '']
          return [...(await mappingFaults(config, judges)), ...(beside ?? [])]
        },
        provision: ({ config = {} }) => ({ mapping: mappingSchema.parse(config), config }),
        isSame: (one, other) => isDeepStrictEqual(essential(one), essential(other)),
        onChange: (_key, entry, old) => entry && report(log, entry, old),
      }),
    )
  }

  /** Resolves when the mappings that are there are in force. */
  async follow(configuration: ConfigurationService): Promise<void> {
    const told = { faults: () => this.#faults(), notices: () => this.#notices() }
    const consumers: ConfigurationConsumer[] = [
      {
        factoryPid: 'sync',
        validate: (_id, content) => {
          const sources = listed({ file: 'sync.json', content })
          return sources ? this.#judge(sources, this.#singles) : [LIST_FORM]
        },
        apply: ([object]) => this.#takeList(object),
        ...told,
      },
      {
        factoryPid: 'mapping',
        validate: (id, content) => this.#judge([single({ id, file: fileOfObjectId(id), content })], this.#list),
        apply: (objects) => {
          this.#singles = objects.map(single)
          return this.#apply()
        },
        ...told,
      },
    ]
    for (const consumer of consumers)
      this.#scope.own(`mappings in ${consumer.factoryPid}`, await configuration.subscribe(consumer))
    this.#isComplete = true
    await this.#apply()
  }

  /** All mappings in force, in the order in which they are processed. */
  all(): readonly ConfiguredMapping[] {
    const inForce = (isSingle: boolean): ConfiguredMapping[] =>
      this.#entries.flatMap(({ input, value }) => (value && (input.key === undefined) === isSingle ? [value] : []))
    const singles = inForce(true).sort((left, right) => (left.mapping.name < right.mapping.name ? -1 : 1))
    return [...inForce(false), ...inOrder(singles)]
  }

  /** Those of `all` that read `source`, with one lookup. */
  from(source: string): readonly ConfiguredMapping[] {
    const { entries } = this.#set
    if (this.#bySource?.entries !== entries)
      this.#bySource = { entries, mappings: Map.groupBy(this.all(), ({ mapping }) => mapping.source) }
    return this.#bySource.mappings.get(source) ?? []
  }

  /** All mappings in force, in no order: the same array until something changes. */
  get inForce(): readonly ConfiguredMapping[] {
    return this.#set.values
  }

  find(name: string): ConfiguredMapping | undefined {
    return this.#set.get(name)
  }

  /** The mappings with a fault, whether they are in force in an earlier state or not. */
  faulty(): readonly FaultyMapping[] {
    return this.#entries.flatMap((entry) => {
      const { input } = entry
      const fault = textOf(entry)
      return fault === undefined || input === this.#broken
        ? []
        : [{ name: input.name || placeOf(input), config: input.config ?? {}, fault }]
    })
  }

  /** Why the configured version of a mapping is not in force. */
  faultOf(name: string): string | undefined {
    return this.faulty().find((faulty) => faulty.name === name)?.fault
  }

  /**
   * A mapping that can be carried out. One whose scripts had a fault is judged again: a file may be there by now.
   * @throws conflict when there is none of that name or it has a fault, or when it shares links that are not between its
   * two resources
   */
  async usable(name: string): Promise<ConfiguredMapping> {
    if (this.faultOf(name) !== undefined) await this.#set.retry()
    const found = this.find(name)
    if (!found) throw conflict(this.#absence(name))
    const all = this.all().map(({ mapping }) => mapping)
    const [fault] = [
      ...protectionFaults(found.mapping, this.#judges.protections),
      ...relationshipFaults(found.mapping, all),
    ]
    if (fault !== undefined) throw conflict(`The mapping ${name} is not in force: ${fault}`)
    const { links } = found.mapping
    if (!links || links === name) return found
    const owner = this.find(links)?.mapping
    if (!owner) throw conflict(`Mapping ${name}: links: there is no mapping "${links}"`)
    const [own, others] = [found.mapping, owner].map((one) => [one.source, one.target].sort().join(' '))
    if (own === others) return found
    throw conflict(`Mapping ${name}: links: mapping "${links}" is not between the same two resources`)
  }

  /**
   * The mappings that use each type of link, in force or not.
   * @throws conflict while a file of mappings cannot be read, so that it is not known which mappings there are
   */
  byLinkType(): ReadonlyMap<string, readonly string[]> {
    const unread = this.#unread
    if (unread) throw conflict(`It is not known which mappings there are: ${textOf(unread) ?? placeOf(unread.input)}`)
    const users = new Map<string, string[]>()
    for (const { input, value } of this.#entries)
      for (const { name, links } of [input.config ?? {}, ...(value ? [value.mapping] : [])]) {
        // A mapping is an owner of links even where it uses those of another: that one may name it in turn.
        const types = [name, links].filter((type) => typeof type === 'string')
        for (const type of types) users.set(type, [...new Set([...(users.get(type) ?? []), String(name)])])
      }
    return users
  }

  /** Whether no mapping of this name is configured; false while a file of mappings cannot be read. */
  isRemoved(name: string): boolean {
    return !this.#unread && !this.#entries.some(({ input }) => input.name === name)
  }

  /** Calls `watcher` whenever the mappings in force may have changed. */
  watch(watcher: () => void): Disposable {
    this.#watchers.add(watcher)
    return { dispose: () => void this.#watchers.delete(watcher) }
  }

  dispose(): Promise<void> {
    return this.#scope.dispose()
  }

  /** A file of mappings that cannot be read: it is not known which mappings there are. */
  get #unread(): Entry | undefined {
    return this.#entries.find(({ input }) => input === this.#broken || input.config === undefined)
  }

  get #entries(): Entry[] {
    return [...this.#set.entries.values()]
  }

  #absence(name: string): string {
    const fault = this.faultOf(name)
    if (fault !== undefined) return `The mapping ${name} is not in force: ${fault}`
    const broken = this.#broken && faultText(this.#broken, '')
    return broken === undefined ? `No such mapping: ${name}` : `No such mapping: ${name} (${broken})`
  }

  /** Judges mappings beside the `others`. */
  async #judge(sources: readonly MappingSource[], others: readonly MappingSource[]): Promise<string[]> {
    const twice = takenTwice([...sources, ...others])
    const names = new Set(sources.map(({ name }) => name))
    const rest = [...others, ...this.#singles].filter(({ name }) => !names.has(name))
    const beside = faultsBeside([...sources, ...rest], true)
    const faults = sources.map(async (source) => {
      const { name, key, config = {} } = source
      const places = twice.get(name)
      const shared = [...(places ? [takenTwiceFault(name, places)] : []), ...(beside.get(source) ?? [])]
      const own = [...shared, ...(await mappingFaults(config, this.#judges))]
      return own.map((fault) => (key === undefined ? fault : `${key}${name === '' ? '' : ` (${name})`}: ${fault}`))
    })
    return (await Promise.all(faults)).flat()
  }

  #takeList(object: ConfigurationObject | undefined): Promise<void> {
    const sources = object ? listed(object) : []
    this.#list = sources ?? this.#list
    const fault = object?.content ? { error: `${object.file}: ${LIST_FORM}` } : { unread: object?.error }
    this.#broken =
      object && !sources ? { name: '', file: object.file, key: undefined, config: undefined, ...fault } : undefined
    return this.#apply()
  }

  /** A mapping in a file of its own comes last, and stands for the same one in `sync.json`. */
  async #apply(): Promise<void> {
    const sources = [...this.#list, ...(this.#broken ? [this.#broken] : []), ...this.#singles]
    const twice = takenTwice(sources)
    const beside = faultsBeside(sources, !this.#isComplete)
    this.#found = sources.map((source) => {
      const places = twice.get(source.name)
      const faults = beside.get(source)
      if (places === undefined)
        return [source.name || placeOf(source), faults === undefined ? source : { ...source, beside: faults }]
      // Under another key the last good state is forgotten.
      return [`${source.name}: ${places}`, { ...source, error: takenTwiceFault(source.name, places) }]
    })
    await this.#set.apply(new Map(this.#found))
    for (const watcher of this.#watchers) watcher()
  }

  #notices(): ConfigurationFileFault[] {
    return this.#entries.flatMap(({ input, value }) => {
      if (!value) return []
      const place = { file: basename(input.file), pointer: input.key?.split('.') ?? [] }
      const held = heldNotice(value, this.#judges.isHeld ?? (() => false))
      return [...mappingNotices(value.config).map((reason) => ({ reason })), ...held].map((one) => ({
        ...place,
        ...one,
      }))
    })
  }

  #faults(): ConfigurationFileFault[] {
    return this.#found.flatMap(([key, source]) => {
      const entry = this.#set.entries.get(key)
      const text = entry && textOf({ ...entry, input: source })
      const reason = text?.replace(`${placeOf(source)}: `, '')
      if (reason === undefined) return []
      const consequence = entry?.good ? 'the last valid version stays in force' : 'it is not in force'
      return [{ file: basename(source.file), pointer: source.key?.split('.') ?? [], reason, consequence }]
    })
  }
}

/** What a mapping is judged by. */
const essential = ({ config, unread, error, beside }: MappingSource) => ({ config, unread, error, beside })
