/** A gateway with mappings from a local collection to a local type or a fake IDM, and what implicit synchronization does in it. */
import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import type { Connection } from '../../../lib/crest/protocol/connection.ts'
import { audit, auditFile, eventsIn, handler } from '../../gateway/audit/stage.ts'
import { pluginFolder, type TestGateway } from '../../gateway/parts.ts'
import { type FakeIdm, fakeIdm } from '../../helpers/fake-idm/fake-idm.ts'
import { until } from '../../helpers/until.ts'
import { startSyncGateway } from '../gateways.ts'

/** A collection whose writes trigger nothing by themselves: its changes are told of. */
export const SOURCE = 'hr/person'
/** A type whose writes trigger implicit synchronization, as those of `LOCAL` do. */
export const PERSON = 'managed/person'
export const LOCAL = 'managed/account'
export const REMOTE = 'external/idm/eu/managed/user'

export const js = (source: string): JsonObject => ({ type: 'text/javascript', source })

/** Copies four fields, correlates by `userName`; persons with `out` do not qualify, accounts with `system` take no part. */
export const mappingTo = (target: string, more: JsonObject = {}): JsonObject => ({
  name: 'm',
  source: SOURCE,
  target,
  sourceCondition: '! (/source/out eq true)',
  validTarget: js('target.description !== "system"'),
  properties: ['userName', 'mail', 'givenName', 'sn'].map((name) => ({ source: name, target: name })),
  correlationQuery: { linkQualifier: 'default', expressionTree: { any: ['userName'] } },
  // By default, half of the few targets.
  maxDeletesPerHour: 100,
  ...more,
})

export const person = (id: string, more: JsonObject = {}): JsonObject => ({
  ...{ userName: id, mail: `${id}@example.com`, givenName: 'A', sn: 'B' },
  ...more,
})

const COLLECTION = new URL('../../../lib/crest/protocol/collection.ts', import.meta.url)

/** A plugin that serves `SOURCE`. */
const sourcePlugin = (): Promise<string> =>
  pluginFolder(
    `import { MemoryCollection } from '${COLLECTION}'
    export const activate = (context) => {
      context.service({ id: 'resources' }).add('${SOURCE}', new MemoryCollection())
    }`,
    { requires: ['resources'] },
  )

export interface LiveStage {
  readonly gateway: TestGateway
  readonly connection: Connection
  readonly remote: FakeIdm
  /** Asks for implicit synchronization; returns the details. */
  notify(kind: 'Create' | 'Update' | 'Delete', id: string, body?: JsonObject, container?: string): Promise<JsonObject[]>
  /** `audit/sync` once it has `count` entries, the first one first. */
  audited(count: number): Promise<JsonObject[]>
  links(id: string): Promise<string[]>
  /** Has these mappings in force. */
  configure(mappings: readonly JsonObject[]): Promise<void>
  /** What the scripts have logged with `| ` in front since the last time. */
  printed(): string[]
}

export async function startLive(mappings: readonly JsonObject[], conf: JsonObject = {}): Promise<LiveStage> {
  const remote = await fakeIdm()
  remote.seed('managed/user', [])
  const types = ['person', 'account', 'note'].map((name) => ({ name, schema: { properties: {} } }))
  const own = { 'managed.json': { objects: types }, 'audit.json': audit([handler('json')]) }
  const gateway = await startSyncGateway({ eu: remote }, mappings, { ...own, ...conf }, [await sourcePlugin()])
  const { connection } = gateway.gateway
  let seen = 0
  return {
    gateway,
    connection,
    remote,
    async notify(kind, id, body = {}, container = SOURCE) {
      const query = `resourceContainer=${encodeURIComponent(container)}&resourceId=${encodeURIComponent(id)}`
      const answer = await gateway.call(`/sync?_action=notify${kind}&${query}`, { method: 'POST', json: body })
      assert.equal(answer.status, 200, answer.text)
      return answer.json as unknown as JsonObject[]
    },
    async audited(count) {
      return until(async () => {
        const all = await eventsIn(auditFile(gateway.project.dir, 'sync'))
        return all.length >= count && all
      }, `${count} events of the topic sync are there`)
    },
    async configure(mappings) {
      const { status, text } = await gateway.call('/config/sync', { method: 'PUT', json: { mappings: [...mappings] } })
      assert.equal(status, 200, text)
    },
    async links(id) {
      const { result } = await connection.query('repo/link', { _queryFilter: `firstId eq "${id}"` })
      return result.map(({ secondId }) => String(secondId))
    },
    printed() {
      const all = gateway.log.entries.map(({ msg }) => String(msg)).filter((line) => line.startsWith('| '))
      const fresh = all.slice(seen)
      seen = all.length
      return fresh.map((line) => line.slice(2))
    },
  }
}
