import { type Configured, ConfiguredObjects } from '../../config/files/configured-objects.ts'
import { describeFault, describeFileFaults, schemaFaults } from '../../config/files/fault.ts'
import type {
  ConfigurationFault,
  ConfigurationFileFault,
  ConfigurationService,
  Disposable,
  JsonObject,
  Logger,
  MetricsRegistry,
} from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { Scope } from '../../core/scope.ts'
import type { AuditLog } from '../../core/telemetry/audit.ts'
import { Metrics } from '../../core/telemetry/metrics.ts'
import { printPointer } from '../../crest/pointer.ts'
import type { ResourceHandler } from '../../crest/protocol/request.ts'
import type { ResourceRouter } from '../../crest/protocol/router.ts'
import type { ObjectStore } from '../../repo/objects/object-store.ts'
import type { Repository } from '../../repo/repository.ts'
import type { ScriptService } from '../../script/main/engine.ts'
import type { PasswordStore } from '../access/password-store.ts'
import type { ManagedChanges } from './changes.ts'
import { closedHandler, closedMethods, hideUnretrieved } from './closed-type.ts'
import { ManagedCollection } from './collection.ts'
import { defaultManaged } from './defaults.ts'
import type { ManagedHooks } from './hooks.ts'
import { measured } from './measured.ts'
import type { ManagedKeys } from './private-values.ts'
import { type ManagedTypeConfiguration, typeSchema } from './schema.ts'
import { ManagedScripts } from './scripts-managed.ts'
import { ScriptedCollection } from './scripts-managed-collection.ts'
import { compileScripts } from './scripts-managed-compiled.ts'
import { ManagedType } from './type.ts'
import { typeNotices, withActiveUsers } from './type-notices.ts'
import { managedTypes } from './types.ts'
import { ManagedUsers } from './users.ts'

export interface ManagedObjectsOptions {
  readonly router: ResourceRouter
  readonly repository: Repository
  /** Source of `managed.json`. */
  readonly configuration: ConfigurationService
  /** For properties with `encryption`. */
  readonly keys: ManagedKeys
  readonly hooks?: ManagedHooks
  /** Runs the scripts of the types; without it, they have none. */
  readonly scripts?: ScriptService | undefined
  readonly metrics?: MetricsRegistry | undefined
  /** What happens to changes; absent: nothing. */
  readonly changes?: ManagedChanges | undefined
  readonly audit?: AuditLog | undefined
  readonly log: Logger
}

/** A type in force. */
export interface ServedType {
  readonly name: string
  /** Absent if invalid: the protection of the properties is unknown then. */
  readonly schema: JsonObject | undefined
  /** Absent, like `store`, without `schema`. */
  readonly type?: ManagedType
  readonly store?: ObjectStore
  readonly handler: ResourceHandler
  /** What of the type has no effect. */
  readonly notices?: readonly ConfigurationFault[]
  route?: Disposable
}

export interface ManagedObjects extends Disposable {
  /** Managed users who can sign in with a password. */
  readonly passwords: PasswordStore
  /** The types in force; the same array until a type changes. */
  readonly types: () => readonly ServedType[]
}

/**
 * Serves the managed types of `managed.json`, or the types of a fresh IDM without that file, as `managed/NAME`. Objects
 * of a removed type stay in the repository.
 */
export async function managedObjects(options: ManagedObjectsOptions): Promise<ManagedObjects> {
  const { router, configuration, log } = options
  const scope = new Scope(log)
  const metrics = new Metrics()
  const types = scope.own('managed types', servedTypes(options, metrics))
  if (options.metrics) scope.own('metrics', metrics.register(options.metrics))
  const names = () => types.values.map(({ name }) => name)
  const missing = (): string | undefined => {
    const faults = types.values.length === 0 ? types.faults() : []
    return faults.length > 0 ? describeFileFaults(faults) : undefined
  }
  scope.own('list of managed types', router.add('managed', managedTypes(names, missing)))
  scope.own('managed.json', await configuration.subscribe(types))
  const passwords = new ManagedUsers(() => types.get('user')?.store, options)
  return { passwords, types: () => types.values, dispose: () => scope.dispose() }
}

export const MANAGED_LIST = {
  member: 'objects',
  form: 'must be an array of object types',
  keyOf: (content: unknown) => typeSchema.shape.name.safeParse(isObject(content) && content.name).data,
  twice: 'name: must be unique among the types',
}

function servedTypes(options: ManagedObjectsOptions, metrics: Metrics): ConfiguredObjects<ServedType> {
  const { router, scripts, log } = options
  const seconds = metrics.histogram({
    name: 'idm_managed_seconds',
    help: 'Time of operations on managed objects.',
    labels: ['managed_object', 'operation'],
  })
  const types: ConfiguredObjects<ServedType> = new ConfiguredObjects<ServedType>({
    factoryPid: 'managed',
    list: MANAGED_LIST,
    absent: defaultManaged as JsonObject,
    validate: async (entry) => {
      const name = MANAGED_LIST.keyOf(entry.content)
      const isFree = !name || types.get(name)?.route || !router.isTaken(`managed/${name}`)
      const reason = `must be a name whose route is free; "managed/${name}" is served already`
      return [...(isFree ? [] : [{ pointer: ['name'], reason }]), ...(await typeFaults(entry, scripts))]
    },
    provision: ({ content }) => serve(options, typeSchema.parse(content)),
    fallback: (entry, key, faults) => closedType(options, entry, faults, () => types.retry(key)),
    swap: (next, old) => {
      void old?.route?.dispose()
      if (next) next.route = router.add(`managed/${next.name}`, measured(next.handler, next.name, seconds))
      else if (old) seconds.forget('managed_object', old.name)
    },
    consequence: 'what depends on it is refused with 503',
    notices: (_entry, { notices = [] }) => notices,
    log,
  })
  return types
}

/** Validates a type on its own. */
export async function typeFaults({ content }: Configured, scripts?: ScriptService): Promise<ConfigurationFault[]> {
  const { data, error } = typeSchema.safeParse(content)
  if (error) return schemaFaults(error)
  return scripts ? (await compileScripts(scripts, data)).faults : []
}

/** What a gateway would say of a type without faults. */
export async function judgeType(content: unknown, scripts: ScriptService) {
  const type = typeSchema.parse(content)
  const { notices } = await compileScripts(scripts, type)
  return { name: type.name, notices: [...notices, ...typeNotices(type)] }
}

/** @throws Error when a script cannot run, unless the caller restricts the type with `isClosed` */
async function serve(
  options: ManagedObjectsOptions,
  configuration: ManagedTypeConfiguration,
  isClosed = false,
): Promise<ServedType> {
  const { router, repository, keys, hooks, scripts, changes, audit } = options
  const judged = scripts && (await compileScripts(scripts, configuration))
  const { compiled = [], faults = [], activates = false, compensates = false } = judged ?? {}
  if (faults.length > 0 && !isClosed) throw new Error(faults.map(describeFault).join('; '))
  const type = new ManagedType(activates ? withActiveUsers(configuration) : configuration)
  const [indexes, unique] = [type.indexes, type.unique].map((names) => names.map((name) => printPointer([name])))
  const store = await repository.store(type.route, { indexes, unique })
  const parts = { type, store, keys, changes, audit }
  const handler =
    scripts && (compiled.length > 0 || compensates)
      ? new ScriptedCollection({
          ...parts,
          scripts: new ManagedScripts(scripts, compiled),
          compensates: compensates ? router : undefined,
        })
      : new ManagedCollection({ ...parts, hooks })
  const notices = [...(judged?.notices ?? []), ...typeNotices(configuration)]
  return { name: type.name, schema: (configuration.schema ?? {}) as JsonObject, type, store, handler, notices }
}

/**
 * A type with scripts that cannot run, restricted to safe methods, or with an invalid schema, which is closed
 * completely.
 */
async function closedType(
  options: ManagedObjectsOptions,
  { content, pointer }: Configured,
  faults: readonly ConfigurationFileFault[],
  retry: () => Promise<ServedType | undefined>,
): Promise<ServedType | undefined> {
  const name = MANAGED_LIST.keyOf(content)
  const own = faults.map((fault) => fault.pointer.slice(pointer.length))
  if (name === undefined || own.some(([member]) => member === 'name')) return undefined
  const message = `managed/${name} is closed: ${describeFileFaults(faults)}`
  const reopen = async () => (await retry())?.handler
  const { data } = typeSchema.safeParse(content)
  if (!data) return { name, schema: undefined, handler: closedHandler({}, closedMethods([[]]), message, reopen) }
  hideUnretrieved(data, own)
  const served = await serve(options, data, true)
  return { ...served, handler: closedHandler(served.handler, closedMethods(own), message, reopen) }
}
