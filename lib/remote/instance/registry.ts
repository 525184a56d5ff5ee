import { asWritten } from '../../config/files/as-written.ts'
import { type Configured, ConfiguredObjects, fileFaults } from '../../config/files/configured-objects.ts'
import type {
  ConfigurationConsumer,
  ConfigurationFaults,
  ConfigurationFileFault,
  ConfigurationObject,
  Disposable,
  JsonObject,
  Logger,
} from '../../contract.ts'
import { type ConfiguredEntry, InvalidInput } from '../../core/configured-set.ts'
import { silentLog } from '../../core/log.ts'
import { notFound, serviceUnavailable } from '../../crest/errors.ts'
import type { ClientCertificateSource } from '../../trust/client-certificates.ts'
import type { ClientCertificate } from '../../trust/keystore-client.ts'
import { judgeProperties } from '../properties/properties.ts'
import type { InstanceOptions } from './connections.ts'
import { Instance } from './instance.ts'
import { type InstanceStatus, type Settled, statusOf } from './instance-status.ts'

export type { InstanceState, InstanceStatus } from './instance-status.ts'

export const FACTORY_PID = 'external.idm'

/** How long a plugin that is stopped waits for requests in flight. */
const DRAIN_MS = 10_000

export type ProbeStarter = (instance: Instance) => Disposable | undefined

type Entry = ConfiguredEntry<Configured, Settled>

/**
 * The instances in force, by name. What has changed is built first and swapped then
 * (docs/pitfalls.md#add-only-reload); a broken file keeps its last good instance (docs/pitfalls.md#one-bad-file).
 */
export class InstanceRegistry implements ConfigurationConsumer {
  readonly factoryPid = FACTORY_PID
  readonly #options: InstanceOptions
  readonly #log: Logger
  readonly #objects: ConfiguredObjects<Settled>
  readonly #probe: ProbeStarter
  readonly #probes = new WeakMap<Instance, Disposable>()
  /** Replaced or removed, with requests still in flight. */
  readonly #retired = new Set<Instance>()
  /** Why the certificate of an instance could not be read again: each is logged once. */
  readonly #certificateFaults = new Map<string, string>()
  #closed = false

  /** @param probe starts to probe an instance that comes into force, until it is replaced or removed */
  constructor(options: InstanceOptions, log: Logger, probe: ProbeStarter = () => undefined) {
    this.#probe = probe
    this.#options = { ...options, log }
    this.#log = log
    this.#objects = new ConfiguredObjects<Settled>({
      factoryPid: FACTORY_PID,
      validate: ({ object }) => (object.alias === null ? [NAMELESS] : []),
      provision: ({ object: { id, alias, content = {}, raw } }, _key, last) =>
        this.#provision(alias ?? id, content, raw, last?.instance),
      cleanUp: ({ instance }) => instance && this.#retire(instance),
      onChange: (key, entry, old) => this.#report(nameOf(key), entry, old),
      consequence: 'it is not available',
      log,
    })
  }

  /** The instance to use, or undefined when there is none or it is disabled. */
  get(name: string): Instance | undefined {
    return this.#objects.get(keyOf(name))?.instance
  }

  /**
   * The instance to use.
   * @throws ResourceException 404 when there is none or it is disabled, 503 once the instances are closed
   */
  require(name: string): Instance {
    this.assertOpen()
    const instance = this.get(name)
    if (!instance) throw notFound(this.absence(name))
    return instance
  }

  /** @throws ResourceException 503: the host may serve requests for a while after it has closed the instances */
  assertOpen(): void {
    if (this.#closed) throw serviceUnavailable('The remote instances are closed: the gateway is about to stop')
  }

  /** Why `get` has nothing: for the message of a 404. */
  absence(name: string): string {
    const entry = this.#objects.entries.get(keyOf(name))
    if (!entry) return `Remote instance "${name}" not found: there is no conf/${FACTORY_PID}-${name}.json`
    if (entry.faults.length === 0) return `Remote instance "${name}" is disabled`
    return `Remote instance "${name}" not found: its configuration is not valid, see the log or the list of instances`
  }

  *inForce(): Generator<Instance> {
    for (const { instance } of this.#objects.values) if (instance) yield instance
  }

  *statuses(): Generator<InstanceStatus> {
    // A file without a name is no instance.
    for (const [key, entry] of this.#objects.entries) if (key !== FACTORY_PID) yield statusOf(nameOf(key), entry)
  }

  status(name: string): InstanceStatus | undefined {
    const entry = this.#objects.entries.get(keyOf(name))
    return entry && statusOf(name, entry)
  }

  /** Replaces what an expression stands for by the expression itself, in a message about an instance. */
  asWritten(name: string, message: string): string {
    const { raw, content } = this.#objects.entries.get(keyOf(name))?.good?.input.object ?? {}
    return raw && content ? asWritten(message, raw, content) : message
  }

  /** Builds an instance and destroys it: TLS may be impossible to set up, say. */
  async validate(id: string, content: JsonObject, raw?: JsonObject): Promise<ConfigurationFaults> {
    if (id === FACTORY_PID) return [NAMELESS]
    try {
      const { instance } = await this.#provision(id, content, raw, undefined, silentLog)
      instance?.destroy()
      return []
    } catch (error) {
      return error instanceof InvalidInput ? error.faults : [(error as Error).message]
    }
  }

  apply(objects: readonly ConfigurationObject[]): Promise<void> {
    return this.#objects.apply(objects)
  }

  faults(): ConfigurationFileFault[] {
    return this.#objects.faults()
  }

  notices(): ConfigurationFileFault[] {
    return [...this.#objects.entries.values()].flatMap(({ input, value }) => fileFaults(input, value?.notices ?? []))
  }

  /** A client certificate may have changed: it is read again, by those in force and by those that lack one. */
  async renewClientCertificates(): Promise<void> {
    for (const instance of [...this.inForce()]) await this.#renewClientCertificate(instance)
    await this.#objects.retry()
  }

  /** Trusted certificates have changed. */
  renewTrust(): void {
    for (const instance of this.inForce()) instance.renewTrust()
  }

  /** No further requests come. Waits for those in flight, within bounds, then cuts. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#objects.dispose()
    let timer: NodeJS.Timeout | undefined
    const bound = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, DRAIN_MS)
    })
    await Promise.race([bound, Promise.all([...this.#retired].map((instance) => instance.drained()))])
    clearTimeout(timer)
    for (const instance of this.#retired) instance.destroy()
    this.#retired.clear()
  }

  async #provision(
    name: string,
    content: JsonObject,
    raw: JsonObject | undefined,
    last: Instance | undefined,
    log = this.#log,
  ): Promise<Settled> {
    const judgement = judgeProperties(content, raw)
    if ('faults' in judgement) throw new InvalidInput(judgement.faults)
    const { properties, notices } = judgement
    if (!properties.enabled) return { instance: undefined, notices }
    const { clientCertificate } = properties
    const certificate = clientCertificate && (await this.#certificateOf(clientCertificate))
    return { instance: new Instance(name, properties, { ...this.#options, log }, last, certificate), notices }
  }

  async #certificateOf(source: ClientCertificateSource): Promise<ClientCertificate> {
    const { clientCertificate } = this.#options
    if (!clientCertificate) throw new Error('clientCertificate: is not supported here')
    try {
      return await clientCertificate(source)
    } catch (error) {
      throw new Error(`clientCertificate: ${(error as Error).message}`)
    }
  }

  /** One that cannot be read any more leaves the last good one in force. */
  async #renewClientCertificate(instance: Instance): Promise<void> {
    const { name, properties } = instance
    if (!properties.clientCertificate) return
    try {
      const certificate = await this.#certificateOf(properties.clientCertificate)
      this.#certificateFaults.delete(name)
      // One that replaced it meanwhile has read its own.
      if (this.get(name) !== instance || certificate === instance.clientCertificate) return
      instance.renewTrust(certificate)
      this.#log.info({ instance: name }, `remote instance "${name}": its new client certificate is in force`)
    } catch (error) {
      const message = `remote instance "${name}": ${(error as Error).message}; the last good one stays in force`
      if (this.#certificateFaults.get(name) === message) return
      this.#certificateFaults.set(name, message)
      this.#log.warn({ instance: name }, message)
    }
  }

  #report(name: string, entry: Entry | undefined, old: Entry | undefined): void {
    if (!entry) {
      this.#options.metrics?.forget(name)
      this.#log.info({ instance: name }, `remote instance "${name}" is removed`)
    }
    if (!entry?.value || entry.value === old?.value) return
    const { value, input } = entry
    const probe = value.instance && this.#probe(value.instance)
    if (value.instance && probe) this.#probes.set(value.instance, probe)
    const details = { instance: name, file: input.object.file }
    for (const notice of value.notices)
      this.#log.warn({ ...details, notices: [notice] }, `remote instance "${name}": ${notice}`)
    const event = !value.instance ? 'disabled' : old?.value?.instance ? 'changed' : 'in force'
    this.#log.info(details, `remote instance "${name}" is ${event}`)
  }

  #retire(instance: Instance): void {
    void this.#probes.get(instance)?.dispose()
    instance.retire()
    this.#retired.add(instance)
    void instance.drained().then(() => {
      if (this.#retired.delete(instance)) instance.destroy()
    })
  }
}

const keyOf = (name: string): string => `${FACTORY_PID}/${name}`
const nameOf = (key: string): string => (key === FACTORY_PID ? key : key.slice(FACTORY_PID.length + 1))
const NAMELESS = `the file must be named ${FACTORY_PID}-NAME.json: NAME is the instance in external/idm/NAME`
