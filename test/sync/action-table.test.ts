import assert from 'node:assert/strict'
import type { Json, JsonObject } from '../../lib/contract.ts'
import type { Connection } from '../../lib/crest/protocol/connection.ts'
import { startGateway } from '../gateway/parts.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { ACTION_ROWS, type ActionRow } from './action-rows.ts'
import { startSyncGateway } from './gateways.ts'

const MANAGED = { objects: ['account', 'trace'].map((name) => ({ name, schema: { properties: {} } })) }
const LOCAL = 'managed/account'

const traced = (hook: string): JsonObject => ({
  type: 'text/javascript',
  source: `openidm.create('managed/trace', null, { hook: '${hook}', name: source.name });
    if (target && /^on(Create|Update)$/.test('${hook}')) target.mark = '${hook}'`,
})

const HOOKS = ['onCreate', 'onUpdate', 'onDelete', 'onLink', 'onUnlink', 'onError', 'onMapping', 'postMapping']

const mappingOf = (source: string, target: string): JsonObject => ({
  name: 'm',
  // Only what the test asks for is carried out.
  enableSync: false,
  source,
  target,
  sourceQuery: { _queryFilter: 'ready eq true' },
  runTargetPhase: false,
  sourceCondition: '! (/source/out eq true)',
  properties: [
    { source: 'name', target: 'name' },
    { source: 'newId', target: '_id', condition: '/object/newId pr' },
  ],
  correlationQuery: { linkQualifier: 'default', expressionTree: { any: ['name'] } },
  policies: Object.entries(ACTION_ROWS).map(([name, { situation, action }]) => ({
    situation,
    action,
    condition: `/object/name eq "${name}"`,
    postAction: traced('postAction'),
  })),
  ...Object.fromEntries(HOOKS.map((hook) => [hook, traced(hook)])),
})

for (const [direction, from, to] of [
  ['remote to remote', 'eu', 'us'],
  ['remote to local', 'eu', 'local'],
  ['local to remote', 'local', 'us'],
] as const)
  describe(`what each action does and has run, ${direction}, between gateways`, () => {
    ownedBySuite()
    const path = (name: string) => (name === 'local' ? LOCAL : `external/idm/${name}/${LOCAL}`)
    const [source, target] = [path(from), path(to)]
    let connection: Connection
    let entries: Map<string, JsonObject>

    before(async () => {
      const remotes = { eu: await remoteGateway(), us: await remoteGateway() }
      const hub = await startSyncGateway(remotes, [mappingOf(source, target)], { 'managed.json': MANAGED })
      connection = hub.gateway.connection
      for (const [name, row] of Object.entries(ACTION_ROWS)) await prepare(connection, name, row, source, target)
      for (const { _id } of await all(connection, 'managed/trace'))
        await connection.delete(`managed/trace/${String(_id)}`, null)
      const params = { mapping: 'm', waitForCompletion: true, persistAssociations: true }
      const { _id } = (await connection.action('recon', 'recon', null, params)) as JsonObject
      const list = await all(connection, `recon/assoc/${String(_id)}/entry`)
      entries = new Map(list.map((entry) => [String(entry.sourceObjectId), entry] as const))
    })

    for (const [name, row] of Object.entries(ACTION_ROWS))
      it(`${name}: ${row.situation} ${row.action}${row.fails ? ' fails' : ''}, runs ${row.hooks.join(', ') || 'nothing'}`, async () => {
        const { situation, action, status, message } = entries.get(name) ?? {}
        const expected = [row.situation, row.action, row.fails ? 'FAILURE' : 'SUCCESS']
        assert.deepEqual([situation, action, status], expected, String(message))
        if (row.fails) assert.match(String(message), row.fails)
        const hooks = await all(connection, 'managed/trace', `name eq "${name}"`)
        assert.deepEqual(hooks.map(({ hook }) => hook).sort(), [...row.hooks].sort())
        const targets = await all(connection, target, `name eq "${name}"`)
        const [link] = await all(connection, 'repo/link', `firstId eq "${name}"`)
        const isLinked = ({ _id }: JsonObject) => link?.secondId === _id
        const marks = (some: readonly JsonObject[]): Json[] => some.map(({ mark = null }) => mark)
        const found = [marks(targets.filter(isLinked)), marks(targets.filter((one) => !isLinked(one)))]
        assert.deepEqual(found, row.left)
      })
  })

const remoteGateway = async () => ({ url: `${(await startGateway({ conf: { 'managed.json': MANAGED } })).url}/` })

const all = async (connection: Connection, path: string, filter = 'true'): Promise<JsonObject[]> =>
  (await connection.query(path, { _queryFilter: filter })).result

async function prepare(
  connection: Connection,
  name: string,
  row: ActionRow,
  source: string,
  target: string,
): Promise<void> {
  await connection.create(source, name, { name, ready: true })
  for (let index = 0; index < (row.targets ?? 0); index++)
    await connection.create(target, `${name}-${index}`, { name, mark: 'old' })
  if (row.linked)
    await connection.action('sync', 'performAction', null, { mapping: 'm', action: 'LINK', sourceId: name })
  if (row.source) await connection.update(`${source}/${name}`, null, { name, ready: true, ...row.source })
}
