import { asWritten } from '../../config/files/as-written.ts'
import type {
  ConfigurationConsumer,
  ConfigurationObject,
  ConfigurationService,
  Disposable,
  JsonObject,
  Logger,
} from '../../contract.ts'
import { Scope } from '../../core/scope.ts'
import { conflict } from '../../crest/errors.ts'
import {
  type ConfiguredMapping,
  entryOf,
  listed,
  type MappingEntry,
  type MappingJudges,
  type MappingSource,
  mappingFaults,
  placeOf,
  single,
  takenTwice,
  takenTwiceFault,
} from './entries.ts'
import { mappingNotices } from './mapping.ts'
import { inOrder } from './order.ts'
import { protectionFaults } from './protection-faults.ts'

export type { ConfiguredMapping } from './entries.ts'

/** A mapping that is not as it stands in the configuration, and why. */
export interface FaultyMapping {
  readonly name: string
  /** As it stands there. */
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
  readonly #log: Logger
  readonly #judges: MappingJudges
  readonly #scope: Scope
  #list: readonly MappingEntry[] = []
  #listFault: string | undefined
  #singles: readonly MappingEntry[] = []
  /** Logged already. */
  #told: ReadonlySet<string> = new Set()

  constructor(log: Logger, judges: MappingJudges = {}) {
    this.#log = log
    this.#judges = judges
    this.#scope = new Scope(log)
  }

  /** Resolves when the mappings that are there are in force. */
  async follow(configuration: ConfigurationService): Promise<void> {
    const consumers: ConfigurationConsumer[] = [
      {
        factoryPid: 'sync',
        validate: (_id, content) => this.#judgeList(content),
        apply: ([object]) => this.#takeList(object),
      },
      {
        factoryPid: 'mapping',
        validate: (id, content) => this.#judgeSingle(id, content),
        apply: (objects) => this.#takeSingles(objects),
      },
    ]
    for (const consumer of consumers)
      this.#scope.own(`mappings in ${consumer.factoryPid}`, await configuration.subscribe(consumer))
  }

  /** All mappings in force, in the order in which they are processed. */
  all(): readonly ConfiguredMapping[] {
    const twice = takenTwice(this.#entries)
    const inForce = (entries: readonly MappingEntry[]): ConfiguredMapping[] =>
      entries.flatMap(({ name, configured }) => (configured && !twice.has(name) ? [configured] : []))
    const singles = inForce(this.#singles).sort((left, right) => (left.mapping.name < right.mapping.name ? -1 : 1))
    const own = new Set(singles.map(({ mapping }) => mapping.name))
    return [...inForce(this.#list).filter(({ mapping }) => !own.has(mapping.name)), ...inOrder(singles)]
  }

  find(name: string): ConfiguredMapping | undefined {
    return this.all().find(({ mapping }) => mapping.name === name)
  }

  /** The mappings with a fault, whether they are in force in an earlier state or not. */
  faulty(): readonly FaultyMapping[] {
    const twice = takenTwice(this.#entries)
    const found = this.#entries.flatMap((entry) => {
      const fault = faultOf(entry, twice)
      return fault === undefined ? [] : [{ name: entry.name || placeOf(entry), config: entry.config ?? {}, fault }]
    })
    // Those that share a name share the fault.
    return [...new Map(found.map((faulty) => [faulty.fault, faulty])).values()]
  }

  /** Why a mapping is not as it stands in the configuration; of all of them without a name. */
  faultOf(name: string): string | undefined {
    const own = this.faulty().filter((faulty) => faulty.name === name)
    return own.length > 0 ? own.map(({ fault }) => fault).join('; ') : undefined
  }

  /**
   * A mapping that can be carried out. One whose scripts had a fault is judged again: a file may be there by now.
   * @throws conflict when there is none of that name or it has a fault, or when it shares links that are not between its
   * two resources
   */
  async usable(name: string): Promise<ConfiguredMapping> {
    await this.#judgeAgain(name)
    const found = this.find(name)
    if (!found) throw conflict(this.#absence(name))
    const [fault] = protectionFaults(found.mapping, this.#judges.protections)
    if (fault !== undefined) throw conflict(`The mapping ${name} is not in force: ${fault}`)
    const { links, source, target } = found.mapping
    if (!links || links === name) return found
    const owner = this.find(links)?.mapping
    if (!owner) throw conflict(`Mapping ${name}: links: there is no mapping "${links}"`)
    const [own, others] = [
      [source, target],
      [owner.source, owner.target],
    ].map((pair) => pair.sort().join(' '))
    if (own === others) return found
    throw conflict(`Mapping ${name}: links: mapping "${links}" is not between the same two resources`)
  }

  dispose(): Promise<void> {
    return this.#scope.dispose()
  }

  get #entries(): readonly MappingEntry[] {
    return [...this.#list, ...this.#singles]
  }

  #absence(name: string): string {
    const fault = this.faultOf(name)
    if (fault !== undefined) return `The mapping ${name} is not in force: ${fault}`
    return this.#listFault === undefined ? `No such mapping: ${name}` : `No such mapping: ${name} (${this.#listFault})`
  }

  async #judgeList(content: JsonObject): Promise<string[]> {
    const sources = listed({ file: 'sync.json', content })
    if (!sources) return [LIST_FORM]
    const twice = takenTwice([...sources, ...this.#singles])
    const faults = sources.map(async ({ name, key, config = {} }) => {
      const places = twice.get(name)
      const own = [...(places ? [takenTwiceFault(name, places)] : []), ...(await mappingFaults(config, this.#judges))]
      return own.map((fault) => `${key}${name === '' ? '' : ` (${name})`}: ${fault}`)
    })
    return (await Promise.all(faults)).flat()
  }

  async #judgeSingle(id: string, content: JsonObject): Promise<string[]> {
    const source = single({ id, file: `mapping-${id.slice(id.indexOf('/') + 1)}.json`, content })
    const places = takenTwice([...this.#list, source]).get(source.name)
    const isTaken = this.#list.some(({ name }) => name === source.name)
    const taken = places !== undefined && isTaken ? [takenTwiceFault(source.name, places)] : []
    return [...taken, ...(await mappingFaults(source.config ?? {}, this.#judges))]
  }

  async #takeList(object: ConfigurationObject | undefined): Promise<void> {
    const sources = object ? listed(object) : []
    if (sources) this.#list = await this.#entriesOf(sources, this.#list)
    const isReadable = object?.content !== undefined
    this.#listFault = object && !sources ? (isReadable ? `${object.file}: ${LIST_FORM}` : object.error) : undefined
    // Who read the file has logged that it cannot be read.
    this.#settle(isReadable ? this.#listFault : undefined)
  }

  async #takeSingles(objects: readonly ConfigurationObject[]): Promise<void> {
    this.#singles = await this.#entriesOf(objects.map(single), this.#singles)
    this.#settle()
  }

  #entriesOf(sources: readonly MappingSource[], before: readonly MappingEntry[]): Promise<MappingEntry[]> {
    const twice = takenTwice([...sources, ...this.#entries.filter((entry) => !before.includes(entry))])
    const entries = sources.map(async (source) => {
      const last = before.find(({ name }) => name === source.name && name !== '')
      const entry = await entryOf(source, twice.has(source.name) ? undefined : last, this.#judges)
      if (entry.configured && entry.configured !== last?.configured) this.#notice(entry, entry.configured)
      return entry
    })
    return Promise.all(entries)
  }

  async #judgeAgain(name: string): Promise<void> {
    const again = (entries: readonly MappingEntry[]): Promise<MappingEntry[]> =>
      Promise.all(
        entries.map(async (entry) =>
          entry.name === name && entry.mayRecover ? entryOf(entry, entry, this.#judges) : entry,
        ),
      )
    if (!this.#entries.some((entry) => entry.name === name && entry.mayRecover)) return
    const [list, singles] = [this.#list, this.#singles]
    const [newList, newSingles] = await Promise.all([again(list), again(singles)])
    // A change of the configuration meanwhile was judged itself.
    if (this.#list === list) this.#list = newList
    if (this.#singles === singles) this.#singles = newSingles
    this.#settle()
  }

  #notice({ file }: MappingSource, { mapping, config }: ConfiguredMapping): void {
    const notices = mappingNotices(config)
    if (notices.length > 0) this.#log.warn({ file }, `${file}: mapping ${mapping.name}: ${notices.join('; ')}`)
  }

  /** Forgets the last good state of mappings that share a name, and logs each fault once. */
  #settle(listFault?: string): void {
    const twice = takenTwice(this.#entries)
    const settled = (entry: MappingEntry): MappingEntry =>
      twice.has(entry.name) && entry.faults.length > 0 ? { ...entry, configured: undefined } : entry
    this.#list = this.#list.map(settled)
    this.#singles = this.#singles.map(settled)
    const faults = new Set([
      ...this.#entries.flatMap((entry) => this.#complaint(entry, twice)),
      ...(listFault ? [`${listFault}; what was in force stays`] : []),
    ])
    for (const fault of faults) if (!this.#told.has(fault)) this.#log.error({}, fault)
    this.#told = faults
  }

  #complaint(entry: MappingEntry, twice: ReadonlyMap<string, string>): string[] {
    const fault = faultOf(entry, twice)
    if (fault === undefined || (entry.error !== undefined && !twice.has(entry.name))) return []
    return [entry.configured && !twice.has(entry.name) ? `${fault}; what was in force stays` : fault]
  }
}

function faultOf(entry: MappingEntry, twice: ReadonlyMap<string, string>): string | undefined {
  const places = twice.get(entry.name)
  if (places !== undefined) return takenTwiceFault(entry.name, places)
  if (entry.faults.length === 0) return undefined
  if (entry.error !== undefined) return entry.error
  const where = entry.key === undefined ? entry.file : `${entry.file}: ${entry.key}`
  const fault = `${where}: mapping ${entry.name || 'without a name'}: ${entry.faults.join('; ')}`
  return entry.raw && entry.config ? asWritten(fault, entry.raw, entry.config) : fault
}
