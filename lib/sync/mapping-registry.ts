import { isDeepStrictEqual } from 'node:util'
import type {
  ConfigurationConsumer,
  ConfigurationObject,
  ConfigurationService,
  Disposable,
  JsonObject,
  Logger,
} from '../contract.ts'
import { conflict } from '../crest/errors.ts'
import { isObject } from '../util/json.ts'
import { faultsOf } from '../util/schema.ts'
import { Scope } from '../util/scope.ts'
import { type Mapping, mappingSchema } from './mapping.ts'
import { mappingNotices } from './mapping-notices.ts'
import { inOrder } from './mapping-order.ts'

/** A mapping in force. */
export interface ConfiguredMapping {
  readonly mapping: Mapping
  /** As it stands in the configuration, with its name. */
  readonly config: JsonObject
}

/** The mappings of `conf/sync.json` and of each `conf/mapping-NAME.json`; what is broken keeps its last good state. */
export class MappingRegistry implements Disposable {
  readonly #log: Logger
  readonly #scope: Scope
  #ofFile: readonly ConfiguredMapping[] = []
  #single: ReadonlyMap<string, ConfiguredMapping> = new Map()

  constructor(log: Logger) {
    this.#log = log
    this.#scope = new Scope(log)
  }

  /** Resolves when the mappings that are there are in force. */
  async follow(configuration: ConfigurationService): Promise<void> {
    const list: ConfigurationConsumer = {
      factoryPid: 'sync',
      validate: (_id, content) => listFaults(content),
      apply: async ([object]) => this.#takeList(object),
    }
    const single: ConfigurationConsumer = {
      factoryPid: 'mapping',
      validate: (id, content) => faults(named(content, id)),
      apply: async (objects) => this.#takeSingle(objects),
    }
    for (const consumer of [list, single])
      this.#scope.own(`mappings in ${consumer.factoryPid}`, await configuration.subscribe(consumer))
  }

  /** All mappings in the order in which they are processed; of two with one name the first counts. */
  all(): readonly ConfiguredMapping[] {
    const single = [...this.#single.values()].sort((left, right) => (left.mapping.name < right.mapping.name ? -1 : 1))
    const taken = new Set(this.#ofFile.map(({ mapping }) => mapping.name))
    return [...this.#ofFile, ...inOrder(single.filter(({ mapping }) => !taken.has(mapping.name)))]
  }

  find(name: string): ConfiguredMapping | undefined {
    return this.all().find(({ mapping }) => mapping.name === name)
  }

  /**
   * A mapping that can be carried out.
   * @throws conflict when there is none of that name, or when it shares links that are not between its two resources
   */
  usable(name: string): ConfiguredMapping {
    const found = this.find(name)
    if (!found) throw conflict(`No such mapping: ${name}`)
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

  #takeList(object: ConfigurationObject | undefined): void {
    if (object === undefined) {
      this.#ofFile = []
      return
    }
    if (object.content === undefined) return
    const found = listFaults(object.content)
    if (found.length > 0) this.#complain(object, found)
    else this.#ofFile = entriesOf(object.content).map((config) => this.#configured(object, config))
  }

  #takeSingle(objects: readonly ConfigurationObject[]): void {
    const next = new Map<string, ConfiguredMapping>()
    for (const object of objects) {
      const last = this.#single.get(object.id)
      const config = object.content && named(object.content, object.id)
      if (last && isDeepStrictEqual(config, last.config)) {
        next.set(object.id, last)
        continue
      }
      const found = config ? faults(config) : []
      if (config && found.length === 0) next.set(object.id, this.#configured(object, config))
      else if (last) next.set(object.id, last)
      if (found.length > 0) this.#complain(object, found)
    }
    this.#single = next
  }

  #configured({ file }: ConfigurationObject, config: JsonObject): ConfiguredMapping {
    const mapping = mappingSchema.parse(config)
    const notices = mappingNotices(config)
    if (notices.length > 0) this.#log.warn({ file }, `${file}: mapping ${mapping.name}: ${notices.join('; ')}`)
    return { mapping, config }
  }

  #complain({ file }: ConfigurationObject, found: readonly string[]): void {
    this.#log.error({ file }, `${file}: ${found.join('; ')}; what was in force stays`)
  }
}

const named = (content: JsonObject, id: string): JsonObject => ({
  ...content,
  name: id.slice(id.indexOf('/') + 1),
})

function faults(config: JsonObject): string[] {
  const parsed = mappingSchema.safeParse(config)
  if (parsed.success) return []
  return faultsOf(parsed.error).map(({ key, message }) => (key === '' ? message : `${key}: ${message}`))
}

const entriesOf = ({ mappings }: JsonObject): JsonObject[] =>
  Array.isArray(mappings) ? mappings.filter((entry) => isObject(entry)) : []

function listFaults({ mappings }: JsonObject): string[] {
  if (!Array.isArray(mappings)) return ['mappings: must be an array of mappings']
  const names = new Set<string>()
  return mappings.flatMap((entry, index) => {
    const place = `mappings.${index}`
    if (!isObject(entry)) return [`${place}: must be a mapping`]
    const name = String(entry.name)
    const twice = names.has(name) ? [`${place}.name: there are two mappings "${name}"`] : []
    names.add(name)
    return [...twice, ...faults(entry).map((fault) => `${place}.${fault}`)]
  })
}
