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
import { Scope } from '../../core/scope.ts'
import { printPointer } from '../../crest/pointer.ts'
import type { ResourceHandler } from '../../crest/protocol/request.ts'
import type { ResourceRouter } from '../../crest/protocol/router.ts'
import type { ObjectStore } from '../../repo/object-store.ts'
import type { Repository } from '../../repo/repository.ts'
import type { PasswordStore } from '../access/password-store.ts'
import { StartError } from '../project/start-error.ts'
import { ManagedCollection } from './collection.ts'
import { defaultManaged } from './defaults.ts'
import type { ManagedHooks } from './hooks.ts'
import { unknownPolicies } from './policies.ts'
import type { ManagedKeys } from './private-values.ts'
import { type ManagedConfiguration, type ManagedTypeConfiguration, managedSchema } from './schema.ts'
import { ManagedType } from './type.ts'
import { managedTypes } from './types.ts'
import { ManagedUsers } from './users.ts'

export interface ManagedObjectsOptions {
  readonly router: ResourceRouter
  readonly repository: Repository
  /** Where `managed.json` comes from and changes; or what it says, once and for all. */
  readonly configuration: ConfigurationService | ManagedConfiguration
  /** For properties with `encryption`. */
  readonly keys: ManagedKeys
  readonly hooks?: ManagedHooks
  /** Makes the resource for the objects of a type; undefined leaves it at a plain collection. */
  readonly collectionOf?: CollectionOf | undefined
  /** What keeps the scripts of a type from being run. */
  readonly scriptFaults?: ScriptFaults | undefined
  readonly log: Logger
}

export type ScriptFaults = (type: ManagedTypeConfiguration) => Promise<ConfigurationFault[]>

export type CollectionOf = (
  type: ManagedType,
  store: ObjectStore,
  keys: ManagedKeys,
  configuration: ManagedTypeConfiguration,
) => Promise<ResourceHandler | undefined>

interface Served {
  /** What it was made from: tells whether it changed. */
  readonly configuration: string
  readonly store: ObjectStore
  readonly route: Disposable
}

/**
 * Serves the managed objects of every type that `managed.json` names, as `managed/NAME`; without that file the types of
 * a fresh IDM. The objects of a type that is taken out stay in the repository.
 * @throws StartError when `managed.json` is broken at the start; later the last good one stays in force
 */
export async function managedObjects(options: ManagedObjectsOptions): Promise<ManagedObjects> {
  const objects = new ManagedObjects(options)
  try {
    await objects.start()
    return objects
  } catch (error) {
    await objects.dispose()
    throw error
  }
}

export class ManagedObjects implements ConfigurationConsumer, Disposable {
  readonly factoryPid = 'managed'
  /** Managed users who sign in with their password. */
  readonly passwords: PasswordStore
  readonly #options: ManagedObjectsOptions
  readonly #scope: Scope
  readonly #served = new Map<string, Served>()
  #fault: string | undefined
  #isStarted = false

  constructor(options: ManagedObjectsOptions) {
    this.#options = options
    this.#scope = new Scope(options.log)
    this.#scope.defer('managed routes', () => this.#serve([]))
    this.#scope.own(
      'list of managed types',
      options.router.add(
        'managed',
        managedTypes(() => [...this.#served.keys()]),
      ),
    )
    this.passwords = new ManagedUsers(() => this.#served.get('user')?.store, options)
  }

  async start(): Promise<void> {
    const { configuration } = this.#options
    if (!isService(configuration)) return this.#serve(managedSchema.parse(configuration).objects)
    this.#scope.own('configuration of managed objects', await configuration.subscribe(this))
    if (this.#fault !== undefined) throw new StartError(this.#fault)
    this.#isStarted = true
  }

  dispose(): Promise<void> {
    return this.#scope.dispose()
  }

  async validate(_id: string, content: JsonObject): Promise<ConfigurationFault[]> {
    const parsed = managedSchema.safeParse(content)
    if (!parsed.success) return schemaFaults(parsed.error)
    const faults: ConfigurationFault[] = []
    for (const [index, type] of parsed.data.objects.entries())
      for (const fault of await this.#typeFaults(type))
        faults.push({ ...fault, pointer: ['objects', `${index}`, ...fault.pointer] })
    return faults
  }

  async apply([object]: readonly ConfigurationObject[]): Promise<void> {
    this.#fault = object && (await this.#faultOf(object))
    if (this.#fault === undefined) return this.#serve(managedSchema.parse(object?.content ?? defaultManaged).objects)
    if (this.#isStarted) this.#options.log.error({ file: object?.file }, `${this.#fault}; what was in force stays`)
  }

  /** All of it is judged before any of it is taken into force. */
  async #faultOf(object: ConfigurationObject): Promise<string | undefined> {
    const { id, content, error, file } = object
    // Whoever read the file has named it in the message already.
    if (content === undefined) return error ?? `${file}: it could not be read`
    const faults = await this.validate(id, content)
    return faults.length > 0 ? `${file}: ${describeFaults(object, faults)}` : undefined
  }

  async #typeFaults(type: ManagedTypeConfiguration): Promise<ConfigurationFault[]> {
    const { router, scriptFaults } = this.#options
    const route = `managed/${type.name}`
    const isTaken = !this.#served.has(type.name) && router.isTaken(route)
    const taken = { pointer: ['name'], reason: `must be a name whose route is free; "${route}" is served already` }
    return [...(isTaken ? [taken] : []), ...((await scriptFaults?.(type)) ?? [])]
  }

  async #serve(types: readonly ManagedTypeConfiguration[]): Promise<void> {
    const wanted = new Set(types.map(({ name }) => name))
    for (const [name, { route }] of this.#served) {
      if (wanted.has(name)) continue
      this.#served.delete(name)
      await route.dispose()
    }
    for (const type of types) await this.#serveType(type)
  }

  async #serveType(configuration: ManagedTypeConfiguration): Promise<void> {
    const { router, repository, keys, hooks, collectionOf, log } = this.#options
    const [text, old] = [JSON.stringify(configuration), this.#served.get(configuration.name)]
    if (old?.configuration === text) return
    const type = new ManagedType(configuration)
    const [indexes, unique] = [type.indexes, type.unique].map((names) => names.map((name) => printPointer([name])))
    const store = await repository.store(type.route, { indexes, unique })
    const own = await collectionOf?.(type, store, keys, configuration)
    await old?.route.dispose()
    const route = router.add(type.route, own ?? new ManagedCollection(type, store, keys, hooks))
    this.#served.set(type.name, { configuration: text, store, route })
    const ignored = unknownPolicies(type)
    if (ignored.length > 0) log.info({ type: type.name, policies: ignored }, 'policies that are not judged here')
  }
}

const isService = (configuration: ConfigurationService | ManagedConfiguration): configuration is ConfigurationService =>
  typeof configuration.subscribe === 'function'
