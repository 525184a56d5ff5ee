import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import type { ManagementOperation } from '../../lib/contract.ts'
import { type ExternalIdmOptions, externalIdm } from '../../lib/index.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { MAPPING, people, project, start, USERS } from './stage.ts'

const EVAL = { method: 'POST', json: { type: 'text/javascript', source: 'a + "!"' } }

describe('authorizeManagement', () => {
  it('has no default: what needs it does not start without it, and says why', async () => {
    const { dir } = await project()
    const common = { confDir: `${dir}/conf`, authorize: () => true }
    const sync = { db: `${dir}/db/openidm.db` }
    const wrong: ExternalIdmOptions[] = [
      { ...common, sync },
      { ...common, sync, dangerouslyAllowUnauthenticated: true },
      { ...common, scripts: { eval: true } },
      { ...common, authorizeManagement: true as never },
    ]
    for (const options of wrong)
      await assert.rejects(
        externalIdm(options).then((idm) => idm.close()),
        (error) =>
          error instanceof TypeError && /"authorizeManagement" is required .* It decides who/.test(error.message),
      )
  })

  it('without it nothing is managed', async () => {
    const { call } = await start(await project(), { sync: undefined, authorizeManagement: undefined })
    for (const path of ['recon', 'config', 'config/external.idm/one', 'sync/mappings?_queryFilter=true'])
      assert.equal((await call(path)).text, 'of the host')
    assert.equal((await call('external/idm/one/managed/user?_queryFilter=true')).status, 200)
  })

  it('is asked for each operation with what is executed', async () => {
    const asked: ManagementOperation[] = []
    const authorizeManagement = (_request: unknown, operation: ManagementOperation) => {
      asked.push(operation)
      return false
    }
    const { call } = await start(await project(), { authorizeManagement, scripts: { eval: true } })
    const json = {}
    const cases = [
      ['recon', { method: 'GET' }, [{ resource: 'recon', method: 'read' }]],
      ['recon/', { method: 'HEAD' }, [{ resource: 'recon', method: 'read' }]],
      ['recon?_queryFilter=true', {}, [{ resource: 'recon', method: 'query' }]],
      ['recon?%5Faction=recon&mapping=m', EVAL, [{ resource: 'recon', method: 'action', action: 'recon' }]],
      ['recon/1?_action=cancel', { method: 'POST' }, [{ resource: 'recon/1', method: 'action', action: 'cancel' }]],
      ['config/mapping/a', { method: 'PUT', json }, [{ resource: 'config/mapping/a', method: 'create' }]],
      ['config/mapping/a', { method: 'PATCH', json: [] }, [{ resource: 'config/mapping/a', method: 'patch' }]],
      ['config/mapping/a%20b', { method: 'DELETE' }, [{ resource: 'config/mapping/a b', method: 'delete' }]],
      ['script?_action=eval', EVAL, [{ resource: 'script', method: 'action', action: 'eval' }]],
      ['script?_action=a&_action=b', EVAL, []],
    ] as const
    for (const [path, options, operations] of cases) {
      asked.splice(0)
      const { status } = await call(path, options)
      assert.deepEqual([status, asked], [operations.length > 0 ? 403 : 400, operations], path)
    }
    asked.splice(0)
    const allowing = {
      authorizeManagement: (...given: Parameters<typeof authorizeManagement>) => !authorizeManagement(...given),
    }
    const other = await start(await project(), allowing)
    await other.call('config/mapping/a', { method: 'PUT', json })
    assert.deepEqual(
      asked.map(({ method }) => method),
      ['create', 'update'],
    )
  })

  it('may take its time, and refuses one operation of two', async () => {
    const authorizeManagement = async (_request: unknown, { method }: ManagementOperation) => method !== 'update'
    const { call } = await start(await project(), { authorizeManagement })
    const json = { source: 'external/idm/one/a', target: 'external/idm/two/a' }
    assert.equal((await call('config/mapping/n', { method: 'PUT', json })).status, 403)
    const headers = { 'if-none-match': '*' }
    assert.equal((await call('config/mapping/n', { method: 'PUT', json, headers })).status, 201)
  })

  it('names the caller: for runs, and for plans that somebody else has to approve', async () => {
    const authorizeManagement = ({ headers }: { headers: NodeJS.Dict<unknown> }) => {
      const login = headers['x-login']
      return typeof login === 'string' && { id: login }
    }
    const needs = { ...MAPPING, requireApproval: true, approverMustDiffer: true }
    const own = await project({ 'conf/mapping-m.json': needs })
    own.one.seed(USERS, people(1))
    const { call } = await start(own, { authorizeManagement, scripts: { eval: true } })
    const as = (login: string, path: string, method = 'POST') => call(path, { method, headers: { 'x-login': login } })
    const path = 'recon?_action=recon&mapping=m&analyze=true&persistAssociations=true&waitForCompletion=true'
    assert.equal((await as('', path)).status, 403)
    const { _id } = (await as('ann', path)).json as { _id: string }
    assert.equal(((await as('ann', `recon/${_id}`, 'GET')).json as { startedBy: string }).startedBy, 'ann')
    const refused = await as('ann', `recon/${_id}?_action=approve`)
    assert.deepEqual([refused.status, /ann has made the plan/.test(refused.text)], [409, true])
    assert.equal((await as('bo', `recon/${_id}?_action=approve`)).status, 200)
    assert.equal((await as('ann', `recon/${_id}?_action=execute&waitForCompletion=true`)).status, 200)
    assert.equal(own.two.ids(USERS).length, 1)
    const headers = { 'x-login': 'ann' }
    assert.equal((await call('script?_action=eval&a=hello', { ...EVAL, headers })).json, 'hello!')
  })

  it('allows with true or a caller only', async () => {
    for (const verdict of [undefined, null, 1, 'true', {}, { id: '' }, 200, Promise.resolve(1)]) {
      const { call } = await start(await project(), { authorizeManagement: () => verdict as never })
      assert.equal((await call('recon')).status, 403, String(verdict))
    }
  })

  it('is asked before the body is read', async () => {
    const { idm } = await start(await project(), { authorizeManagement: () => false })
    const server = createServer((request, response) => idm.router(request, response, () => response.end()))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onCleanUp(() => server.close())
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    onCleanUp(() => socket.destroy())
    // The body never comes.
    socket.write(
      'POST /openidm/recon?_action=recon HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n',
    )
    const [bytes] = (await once(socket, 'data')) as [Buffer]
    assert.match(bytes.toString(), /^HTTP\/1\.1 403 /)
  })

  it('a session cookie alone changes nothing, even for those who may', async () => {
    const { call, one } = await start(await project())
    const path = 'recon?_action=recon&mapping=m&waitForCompletion=true'
    const headers = { cookie: 'session=1' }
    assert.equal((await call(path, { method: 'POST', headers })).status, 403)
    assert.deepEqual(one.requests, [])
    assert.equal((await call(path, { method: 'POST', headers: { ...headers, 'x-requested-with': 'a' } })).status, 200)
  })

  it('what it throws is logged, and not told', async () => {
    for (const authorizeManagement of [
      () => {
        throw new Error('password is canary')
      },
      () => Promise.reject(new Error('password is canary')),
    ]) {
      const { call, log } = await start(await project(), { authorizeManagement })
      const { status, json } = await call('recon')
      assert.deepEqual(json, { code: 500, reason: 'Internal Server Error', message: 'Internal Server Error' })
      assert.equal(status, 500)
      assert.ok(log.messages('error').some((message) => message.startsWith('authorizeManagement failed')))
    }
  })
})

describe('script?_action=eval in an application', () => {
  it('is there when it is asked for, for those who may', async () => {
    const authorizeManagement = ({ headers }: { headers: NodeJS.Dict<unknown> }) => headers['x-may'] === 'yes'
    const { call } = await start(await project(), { sync: undefined, authorizeManagement, scripts: { eval: true } })
    assert.equal((await call('script?_action=eval&a=hello', EVAL)).status, 403)
    const answer = await call('script?_action=eval&a=hello', { ...EVAL, headers: { 'x-may': 'yes' } })
    assert.deepEqual([answer.status, answer.json], [200, 'hello!'])
  })

  it('without it, no script of a caller runs: not in a transform either', async () => {
    const transform = (script: object) => ({
      method: 'PATCH',
      json: [{ operation: 'transform', field: '/source', value: { script } }],
    })
    const script = { type: 'text/javascript', source: `content + 's'` }
    const { call } = await start(await project())
    assert.equal((await call('script?_action=eval', EVAL)).text, 'of the host')
    assert.equal((await call('config/mapping/m', transform(script))).status, 501)
    const { call: may } = await start(await project(), { scripts: { eval: true } })
    const { status, json } = await may('config/mapping/m', transform(script))
    assert.deepEqual([status, (json as { source: string }).source], [200, `external/idm/one/${USERS}s`])
  })
})

describe('config in an application', () => {
  it('has the instances and mappings, and nothing else of the folder', async () => {
    const files = {
      'conf/authentication.json': { secret: 'canary' },
      'conf/script.json': {},
      'conf/sync.json': { mappings: [] },
    }
    const { call } = await start(await project(files))
    const { json } = await call('config')
    const { configurations } = json as { configurations: { _id: string }[] }
    const ids = ['external.idm/one', 'external.idm/two', 'mapping/m', 'sync']
    assert.deepEqual(configurations.map(({ _id }) => _id).sort(), ids)
    const found = (await call('config?_queryFilter=true')).text
    assert.doesNotMatch(found, /canary|authentication/)
    for (const method of ['GET', 'DELETE'])
      for (const id of ['authentication', 'script']) assert.equal((await call(`config/${id}`, { method })).status, 404)
  })

  it('a mapping that is stored is in force, and one with a fault is refused', async () => {
    const { call, idm, one } = await start(await project())
    one.seed(USERS, [{ _id: 'u1', userName: 'bo' }])
    const mapping = { source: `external/idm/one/${USERS}`, target: `external/idm/two/${USERS}` }
    const put = (json: object) => call('config/mapping/n', { method: 'PUT', json })
    const refused = await put({ ...mapping, target: 'managed/user' })
    assert.equal(refused.status, 400)
    assert.match(refused.text, /nothing serves managed\/user here/)
    assert.equal((await put(mapping)).status, 201)
    assert.equal((await idm.reconcile('n', { dryRun: true })).state, 'SUCCESS')
  })
})
