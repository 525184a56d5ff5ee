import { basename } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { asWritten } from '../../config/files/as-written.ts'
import { describeFault, faultsIn } from '../../config/files/fault.ts'
import type { ConfigurationConsumer, ConfigurationObject, JsonObject, Logger } from '../../contract.ts'
import { silentLog } from '../../core/silent-log.ts'
import { notFound, serviceUnavailable } from '../../crest/errors.ts'
import type { ClientCertificateSource } from '../../trust/client-certificates.ts'
import type { ClientCertificate } from '../../trust/keystore-client.ts'
import { type Judgement, judgeProperties } from '../properties/properties.ts'
import type { InstanceOptions } from './connections.ts'
import { Instance } from './instance.ts'
import { type Entry, type InstanceStatus, statusOf } from './instance-status.ts'

export type { InstanceState, InstanceStatus } from './instance-status.ts'

export const FACTORY_PID = 'external.idm'

type Accepted = Exclude<Judgement, { faults: string[] }>

/** How long a plugin that is stopped waits for requests in flight. */
const DRAIN_MS = 10_000

/**
 * The instances in force, by name. A change of configuration is a new complete set: it is compared with what is there,
 * what has changed is built, and only then is an entry of the one Map replaced. A broken file keeps the last good
 * instance in force (docs/pitfalls.md#add-only-reload, docs/pitfalls.md#one-bad-file).
 */
export class InstanceRegistry implements ConfigurationConsumer {
  readonly factoryPid = FACTORY_PID
  readonly #surroundings: InstanceOptions
  readonly #log: Logger
  readonly #entries = new Map<string, Entry>()
  /** Replaced or removed, with requests still in flight. */
  readonly #retired = new Set<Instance>()
  /** Why the certificate of an instance could not be read again: each is told once. */
  readonly #certificateFaults = new Map<string, string>()
  #objects: readonly ConfigurationObject[] = []
  #last: Promise<void> = Promise.resolve()
  #closed = false

  constructor(surroundings: InstanceOptions, log: Logger) {
    this.#surroundings = { ...surroundings, log }
    this.#log = log
  }

  /** The instance to use, or undefined when there is none or it is disabled. */
  get(name: string): Instance | undefined {
    return this.#entries.get(name)?.instance
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
    const entry = this.#entries.get(name)
    if (!entry) return `Remote instance "${name}" not found: there is no conf/${FACTORY_PID}-${name}.json`
    if (!entry.fault) return `Remote instance "${name}" is disabled`
    return `Remote instance "${name}" not found: its configuration is not valid, see the log or the list of instances`
  }

  *statuses(): Generator<InstanceStatus> {
    for (const [name, entry] of this.#entries) yield statusOf(name, entry)
  }

  status(name: string): InstanceStatus | undefined {
    const entry = this.#entries.get(name)
    return entry && statusOf(name, entry)
  }

  /** What stands in the file in place of what it stands for, in a message about an instance. */
  asWritten(name: string, message: string): string {
    const { raw, content } = this.#entries.get(name) ?? {}
    return raw && content ? asWritten(message, raw, content) : message
  }

  validate(id: string, content: JsonObject, raw?: JsonObject): string[] | Promise<string[]> {
    const judgement = judgeProperties(content, raw)
    if ('faults' in judgement) return judgement.faults
    const { clientCertificate, enabled } = judgement.properties
    if (!clientCertificate || !enabled) return this.#unbuildable(id, judgement, undefined)
    return this.#certificateOf(clientCertificate).then(
      (certificate) => this.#unbuildable(id, judgement, certificate),
      (error: Error) => [error.message],
    )
  }

  /** TLS that cannot be set up, say. */
  #unbuildable(id: string, { properties }: Accepted, certificate: ClientCertificate | undefined): string[] {
    if (!properties.enabled) return []
    try {
      new Instance(id, properties, { ...this.#surroundings, log: silentLog }, undefined, certificate).destroy()
      return []
    } catch (error) {
      return [(error as Error).message]
    }
  }

  apply(objects: readonly ConfigurationObject[]): Promise<void> {
    return this.#inTurn(() => this.#apply(objects))
  }

  /** A client certificate may have changed: it is read again, by those in force and by those that lack one. */
  renewClientCertificates(): Promise<void> {
    return this.#inTurn(async () => {
      for (const { instance } of this.#entries.values()) if (instance) await this.#renewClientCertificate(instance)
      await this.#apply(this.#objects)
    })
  }

  /** Trusted certificates have changed. */
  renewTrust(): void {
    for (const { instance } of this.#entries.values()) instance?.renewTrust()
  }

  /** No further requests come. Waits for those in flight, within bounds, then cuts. */
  async close(): Promise<void> {
    this.#closed = true
    for (const name of [...this.#entries.keys()]) this.#remove(name)
    let timer: NodeJS.Timeout | undefined
    const bound = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, DRAIN_MS)
    })
    await Promise.race([bound, Promise.all([...this.#retired].map((instance) => instance.drained()))])
    clearTimeout(timer)
    for (const instance of this.#retired) instance.destroy()
    this.#retired.clear()
  }

  /** One change after the other: reading a certificate takes time. */
  #inTurn(change: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(change)
    this.#last = turn.catch(() => undefined)
    return turn
  }

  async #apply(objects: readonly ConfigurationObject[]): Promise<void> {
    if (this.#closed) return
    this.#objects = objects
    const present = new Set<string>()
    for (const object of objects) {
      const name = object.alias ?? object.id
      present.add(name)
      await this.#applyOne(name, object)
    }
    for (const name of [...this.#entries.keys()]) if (!present.has(name)) this.#remove(name)
  }

  async #applyOne(name: string, object: ConfigurationObject): Promise<void> {
    const { file, content, raw, error } = object
    const old = this.#entries.get(name)
    if (content && old && isDeepStrictEqual(old.content, content)) {
      // Also the way back from a broken edit: the instance was never replaced.
      if (old.fault) this.#entries.set(name, { ...old, raw, fault: undefined, since: new Date() })
      else this.#entries.set(name, { ...old, raw })
      return
    }
    if (!content) {
      this.#refuse(name, file, [error ?? 'it can not be read'], error !== undefined)
      return
    }
    const refuse = (faults: readonly string[]) =>
      this.#refuse(name, file, faultsIn(object, faults).map(describeFault), false)
    const judgement = judgeProperties(content, raw)
    if ('faults' in judgement) {
      refuse(judgement.faults)
      return
    }
    try {
      const { clientCertificate, enabled } = judgement.properties
      const certificate = clientCertificate && enabled ? await this.#certificateOf(clientCertificate) : undefined
      this.#replace(name, object, judgement, certificate)
    } catch (failure) {
      // TLS that can not be set up, say: the fault of this one, and the others come into force all the same
      // (docs/pitfalls.md#one-bad-file).
      refuse([(failure as Error).message])
    }
  }

  /** Builds first, then swaps (docs/pitfalls.md#add-only-reload). */
  #replace(
    name: string,
    { file, content, raw }: ConfigurationObject,
    { properties, notices }: Accepted,
    certificate: ClientCertificate | undefined,
  ): void {
    if (this.#closed) return
    const old = this.#entries.get(name)
    const { enabled } = properties
    const surroundings = this.#surroundings
    const instance = enabled ? new Instance(name, properties, surroundings, old?.instance, certificate) : undefined
    this.#entries.set(name, { content, raw, instance, enabled, fault: undefined, since: new Date() })
    if (old?.instance) this.#retire(old.instance)
    for (const notice of notices) this.#log.warn({ instance: name, file }, `remote instance "${name}": ${notice}`)
    const event = !enabled ? 'disabled' : old?.instance ? 'changed' : 'in force'
    this.#log.info({ instance: name, file }, `remote instance "${name}" is ${event}`)
  }

  async #certificateOf(source: ClientCertificateSource): Promise<ClientCertificate> {
    const { clientCertificate } = this.#surroundings
    if (!clientCertificate) throw new Error('clientCertificate: is not supported here')
    try {
      return await clientCertificate(source)
    } catch (error) {
      throw new Error(`clientCertificate: ${(error as Error).message}`)
    }
  }

  /** One that cannot be read any more leaves the last good one in force. */
  async #renewClientCertificate({ name, properties }: Instance): Promise<void> {
    if (!properties.clientCertificate) return
    try {
      const certificate = await this.#certificateOf(properties.clientCertificate)
      this.#certificateFaults.delete(name)
      const instance = this.#entries.get(name)?.instance
      if (!instance || certificate === instance.clientCertificate) return
      instance.renewTrust(certificate)
      this.#log.info({ instance: name }, `remote instance "${name}": its new client certificate is in force`)
    } catch (error) {
      const message = `remote instance "${name}": ${(error as Error).message}; the last good one stays in force`
      if (this.#certificateFaults.get(name) === message) return
      this.#certificateFaults.set(name, message)
      this.#log.warn({ instance: name }, message)
    }
  }

  /**
   * A file with a fault: what was good before stays in force; the fault is logged once.
   * @param known true when it is an error in the log already, that of whoever read the file
   */
  #refuse(name: string, file: string, faults: readonly string[], known: boolean): void {
    const old = this.#entries.get(name)
    const told = faults.join('; ')
    // Whoever read the file has named it already.
    const message = told.startsWith(`${basename(file)}: `) ? told : `${basename(file)}: ${told}`
    if (old?.fault?.message === message) return
    const fault = { message, time: new Date().toISOString() }
    const entry = {
      content: undefined,
      raw: undefined,
      instance: undefined,
      enabled: true,
      ...old,
      fault,
      since: new Date(),
    }
    this.#entries.set(name, entry)
    const consequence = entry.instance ? 'its last good settings stay in force' : 'it is not available'
    const level = known ? 'warn' : 'error'
    this.#log[level]({ instance: name, file, faults }, `remote instance "${name}": ${message}; ${consequence}`)
  }

  #remove(name: string): void {
    const instance = this.#entries.get(name)?.instance
    this.#entries.delete(name)
    if (instance) this.#retire(instance)
    this.#log.info({ instance: name }, `remote instance "${name}" is removed`)
  }

  #retire(instance: Instance): void {
    instance.retire()
    this.#retired.add(instance)
    void instance.drained().then(() => {
      if (this.#retired.delete(instance)) instance.destroy()
    })
  }
}
