/** A gateway between two remotes: changes of `eu` are queued for `us`. */
import type { JsonObject } from '../../../../lib/contract.ts'
import type { TestGateway } from '../../../gateway/parts.ts'
import type { CallResponse } from '../../../helpers/http.ts'
import { until } from '../../../helpers/until.ts'
import { type RemoteIdm, startRemoteIdm, startSyncGateway } from '../../gateways.ts'

export const SOURCE = 'external/idm/eu/managed/user'
export const TARGET = 'external/idm/us/managed/user'

export interface QueueStageOptions {
  readonly queuedSync?: JsonObject
  readonly mapping?: JsonObject
  readonly conf?: Readonly<Record<string, unknown>>
  /** In the place of `us`. */
  readonly target?: Pick<RemoteIdm, 'url'>
}

export const queuedMapping = ({ queuedSync = {}, mapping = {} }: QueueStageOptions = {}): JsonObject => ({
  name: 'm',
  source: SOURCE,
  target: TARGET,
  properties: [
    { source: '_id', target: '_id' },
    { source: 'mail', target: 'mail' },
  ],
  policies: [{ situation: 'SOURCE_MISSING', action: 'DELETE' }],
  queuedSync: { enabled: true, retryDelay: 20, ...queuedSync },
  ...mapping,
})

export type Notified = 'notifyCreate' | 'notifyUpdate' | 'notifyDelete'

export class QueueStage {
  readonly eu: RemoteIdm
  readonly us: RemoteIdm
  readonly gateway: TestGateway

  constructor(eu: RemoteIdm, us: RemoteIdm, gateway: TestGateway) {
    this.eu = eu
    this.us = us
    this.gateway = gateway
  }

  static async start(options: QueueStageOptions = {}): Promise<QueueStage> {
    const [eu, us] = [await startRemoteIdm(), await startRemoteIdm()]
    return new QueueStage(
      eu,
      us,
      await startSyncGateway({ eu, us: options.target ?? us }, [queuedMapping(options)], options.conf),
    )
  }

  /** Changes a source, and reports it. */
  async put(id: string, mail: string): Promise<void> {
    const old = await this.eu.connection.read(`managed/user/${id}`)
    if (old) await this.eu.connection.update(`managed/user/${id}`, null, { mail })
    else await this.eu.connection.create('managed/user', id, { mail })
    await this.notify(old ? 'notifyUpdate' : 'notifyCreate', id, { oldValue: old, newValue: { _id: id, mail } })
  }

  async remove(id: string): Promise<void> {
    const old = await this.eu.connection.read(`managed/user/${id}`)
    await this.eu.connection.delete(`managed/user/${id}`, null)
    await this.notify('notifyDelete', id, { oldValue: old, newValue: null })
  }

  async notify(action: Notified, id: string, json: JsonObject): Promise<void> {
    await this.call(`/sync?_action=${action}&resourceContainer=${SOURCE}&resourceId=${id}`, { method: 'POST', json })
  }

  /** @throws Error for an answer that is no success */
  async call(path: string, options: Parameters<TestGateway['call']>[1] = {}): Promise<JsonObject> {
    const answer: CallResponse = await this.gateway.call(path, options)
    if (answer.status >= 400) throw new Error(`${path}: ${answer.status} ${answer.text}`)
    return answer.json as JsonObject
  }

  post(path: string): Promise<JsonObject> {
    return this.call(path, { method: 'POST', json: {} })
  }

  async targets(): Promise<Record<string, unknown>> {
    const { result } = await this.us.connection.query('managed/user', { _queryFilter: 'true' })
    return Object.fromEntries(result.map(({ _id, mail }) => [String(_id), mail]).sort())
  }

  async queue(): Promise<JsonObject> {
    const { queues } = await this.call('/sync/queue')
    return (queues as JsonObject[]).find(({ mapping }) => mapping === 'm') ?? {}
  }

  async events(): Promise<JsonObject[]> {
    return (await this.call('/sync/queue?_queryFilter=true')).result as JsonObject[]
  }

  async letters(): Promise<JsonObject[]> {
    return (await this.call('/repo/synchronisation/deadLetterQueue/m?_queryFilter=true')).result as JsonObject[]
  }

  /** Waits until nothing waits. */
  async drained(): Promise<void> {
    await until(async () => Number((await this.queue()).waiting) === 0, 'the queue is empty')
  }

  /** The writes that the target was asked for. */
  get writes(): string[] {
    return this.us.requests.filter((line) => !line.startsWith('GET')).map((line) => line.replace(/\?.*/, ''))
  }
}
