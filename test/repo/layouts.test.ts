import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Secret } from '../../lib/core/secret.ts'
import { Gateway } from '../../lib/gateway/gateway.ts'
import { openProject } from '../../lib/gateway/project/project.ts'
import { ADMIN, PASSWORD } from '../gateway/parts.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDirWith } from '../helpers/files.ts'
import { request } from '../helpers/http.ts'
import { memoryLog } from '../helpers/log.ts'

/** A database as each release made it. Add one for a release that changes the tables; never change one. */
const LAYOUTS = ['layout-1']

const CONF = {
  'conf/managed.json': {
    objects: [
      {
        name: 'user',
        schema: {
          properties: {
            userName: { type: 'string', searchable: true, policies: [{ policyId: 'unique' }] },
            mail: { type: 'string', searchable: true },
            password: { type: 'string', scope: 'private', secureHash: { algorithm: 'SALTED_SHA-256' } },
          },
          required: ['userName'],
        },
      },
      { name: 'account', schema: { properties: { uid: { type: 'string', searchable: true } } } },
    ],
  },
  'conf/sync.json': {
    mappings: [
      {
        name: 'users_accounts',
        source: 'managed/user',
        target: 'managed/account',
        properties: [
          { source: 'userName', target: 'uid' },
          { source: 'mail', target: 'mail' },
        ],
        policies: [
          { situation: 'ABSENT', action: 'CREATE' },
          { situation: 'CONFIRMED', action: 'UPDATE' },
        ],
      },
    ],
  },
}

async function start(layout: string) {
  const dir = await tempDirWith(CONF)
  mkdirSync(join(dir, 'db'), { recursive: true })
  const database = new DatabaseSync(join(dir, 'db/openidm.db'))
  database.exec(readFileSync(join(import.meta.dirname, `fixtures/${layout}.sql`), 'utf8'))
  database.close()
  const log = memoryLog()
  const gateway = await Gateway.start({
    project: await openProject(dir),
    host: '127.0.0.1',
    port: 0,
    plugins: [],
    administratorPassword: new Secret(PASSWORD),
    log: Object.assign(log, { child: () => log }),
  } as never)
  onCleanUp(() => gateway.stop())
  const call = async (path: string, options = {}) =>
    (await request(`${gateway.origins[0]}/openidm/${path}`, { headers: ADMIN, ...options })).json
  const query = async (path: string) => ((await call(path)) as { result: Record<string, unknown>[] }).result
  return { call, query }
}

for (const layout of LAYOUTS)
  describe(`a database of ${layout}`, () => {
    it('has all its objects, which are found by their indexes', async () => {
      const { query, call } = await start(layout)
      assert.deepEqual((await query('managed/user?_queryFilter=true')).map(({ _id }) => _id).sort(), [
        'u1',
        'u2',
        'u3',
        'u4',
      ])
      const found = await query('managed/user?_queryFilter=userName+eq+"J%C3%BCrgen"')
      assert.deepEqual(
        found.map(({ _id, mail, nested }) => [_id, mail, nested]),
        [['u2', 'u2@example.com', { a: [1, 2.5, true, 'ü'] }]],
      )
      const taken = await call('managed/user?_action=create', { method: 'POST', json: { userName: 'bo' } })
      assert.equal((taken as { code: number }).code, 403)
    })

    it('lets its users sign in', async () => {
      const { call } = await start(layout)
      const headers = { 'x-openidm-username': 'Bo', 'x-openidm-password': 'pass-u1' }
      const login = (await call('info/login', { headers })) as { authorization: { id: string } }
      assert.equal(login.authorization?.id, 'u1', JSON.stringify(login))
    })

    it('has its links and runs, and reconciles without a second target', async () => {
      const { call, query } = await start(layout)
      assert.equal((await query('repo/link?_queryFilter=true')).length, 3)
      const { reconciliations } = (await call('recon')) as { reconciliations: { _id: string; mapping: string }[] }
      assert.deepEqual(
        reconciliations.map(({ mapping }) => mapping),
        ['users_accounts', 'users_accounts'],
      )
      const id = reconciliations[0]?._id
      assert.equal((await query(`audit/recon?_queryId=audit-by-recon-id&reconId=${id}`)).length, 5)
      const last = await query('audit/recon?_queryId=audit-last-recon-for-mapping&mappingName=users_accounts')
      assert.ok(last.length > 0 && last.every(({ reconId }) => reconId === reconciliations[1]?._id))
      await call('recon?_action=recon&mapping=users_accounts&waitForCompletion=true', { method: 'POST', json: {} })
      assert.deepEqual((await query('managed/account?_queryFilter=true')).map(({ uid }) => uid).sort(), [
        'Bo',
        'CORP/kim',
        'Jürgen',
        'Late',
      ])
    })
  })
