import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { ownedBySuite } from '../../helpers/clean-up.ts'
import { until } from '../../helpers/until.ts'
import { type RemoteIdm, startRemoteIdm, startSyncGateway, writes } from '../../sync/gateways.ts'
import type { TestGateway } from '../parts.ts'

const js = (source: string) => ({ type: 'text/javascript', source })
const told = (name: string) => js(`logger.info('hook: ${name}')`)
const TARGET = 'external/idm/eu/managed/user'

const MAPPING: JsonObject = {
  name: 'toEu',
  source: 'managed/user',
  target: TARGET,
  properties: [
    { source: 'userName', target: 'userName' },
    { source: 'sn', target: 'sn' },
  ],
  policies: [
    { situation: 'ABSENT', action: 'CREATE' },
    { situation: 'CONFIRMED', action: 'UPDATE' },
    { situation: 'SOURCE_MISSING', action: 'DELETE' },
    { situation: 'MISSING', action: 'UNLINK' },
  ],
}

/** Managed users who have these scripts, and nothing that is required of them. */
const managed = (scripts: JsonObject = {}, properties: JsonObject = {}): JsonObject => ({
  objects: [
    {
      name: 'user',
      ...scripts,
      schema: { properties: { userName: { type: 'string' }, sn: { type: 'string' }, ...properties } },
    },
    { name: 'copy', schema: { properties: { userName: { type: 'string' } } } },
  ],
})

interface Stage {
  readonly remote: RemoteIdm
  readonly gateway: TestGateway
  /** What the scripts have told since the last time. */
  hooks(): string[]
  put(id: string, content: JsonObject, parameters?: string): ReturnType<TestGateway['call']>
  patch(id: string, sn: string): ReturnType<TestGateway['call']>
  remove(id: string): ReturnType<TestGateway['call']>
  user(id: string): Promise<JsonObject | null>
  target(userName: string): Promise<JsonObject | undefined>
}

async function startStage(conf: Readonly<Record<string, unknown>>, mappings: readonly JsonObject[] = [MAPPING]) {
  const remote = await startRemoteIdm()
  remote.retryAfter = undefined
  const gateway = await startSyncGateway({ eu: remote }, mappings, conf)
  let seen = 0
  const stage: Stage = {
    ...{ remote, gateway },
    hooks: () => {
      const all = gateway.log.entries.map(({ msg }) => /hook: (.*)/.exec(String(msg))?.[1])
      const told = all.filter((hook) => hook !== undefined)
      const fresh = told.slice(seen)
      seen = told.length
      return fresh
    },
    put: (id, json, parameters = '') => gateway.call(`/managed/user/${id}${parameters}`, { method: 'PUT', json }),
    patch: (id, value) =>
      gateway.call(`/managed/user/${id}`, { method: 'PATCH', json: [{ operation: 'replace', field: 'sn', value }] }),
    remove: (id) => gateway.call(`/managed/user/${id}`, { method: 'DELETE' }),
    user: (id) => gateway.gateway.connection.read(`managed/user/${id}`),
    target: async (userName) =>
      (await remote.connection.query('managed/user', { _queryFilter: `userName eq "${userName}"` })).result[0],
  }
  return stage
}

/** Refuses what would be written. */
const refuse = (remote: RemoteIdm, status = 400) => {
  remote.interfere = ({ method }) => (method === 'GET' ? undefined : status)
}

describe('a write of a managed object', function () {
  this.timeout(60_000)

  describe('is synchronized before it is answered', () => {
    ownedBySuite()
    let stage: Stage

    before(async () => {
      const hooks = ['onCreate', 'postCreate', 'onUpdate', 'postUpdate', 'onDelete', 'postDelete']
      const own = Object.fromEntries(hooks.map((hook) => [hook, told(`managed ${hook}`)]))
      const results = '[syncResults.action, syncResults.success, syncResults.syncDetails.length]'
      const objects = "[oldObject ? oldObject.sn : '-', newObject ? newObject.sn : '-', request.method, resourceName]"
      const onSync = js(`logger.info('hook: managed onSync ' + ${results}.concat(${objects}).join(' '))`)
      const ofMapping = ['onCreate', 'onUpdate', 'onDelete', 'onLink', 'onUnlink', 'postMapping']
      const mapping = {
        ...MAPPING,
        triggerSyncProperties: ['/sn'],
        ...Object.fromEntries(ofMapping.map((hook) => [hook, told(`mapping ${hook}`)])),
        validSource: js("logger.info('hook: validSource'); true"),
        correlationQuery: js(
          "logger.info('hook: correlation'); ({ _queryFilter: 'userName eq \"' + source.userName + '\"' })",
        ),
      }
      stage = await startStage({ 'managed.json': managed({ ...own, onSync }) }, [mapping])
    })

    it('a create: all its steps in order, and the target is there when the answer comes', async () => {
      const answer = await stage.put('amira', { userName: 'amira', sn: 'A' })
      assert.equal(answer.status, 201, answer.text)
      assert.equal((await stage.target('amira'))?.sn, 'A')
      assert.deepEqual(stage.hooks(), [
        ...['managed onCreate', 'managed postCreate', 'validSource', 'correlation', 'mapping onCreate'],
        ...['mapping onLink', 'mapping postMapping'],
        'managed onSync notifyCreate true 1 - A create managed/user/amira',
      ])
    })

    it('an update by PUT, by PATCH, by the action patch and by a script', async () => {
      const { gateway } = stage
      await stage.put('amira', { userName: 'amira', sn: 'B' })
      assert.equal((await stage.target('amira'))?.sn, 'B')
      assert.deepEqual(stage.hooks(), [
        ...['managed onUpdate', 'managed postUpdate', 'validSource', 'mapping onUpdate', 'mapping postMapping'],
        'managed onSync notifyUpdate true 1 A B update managed/user/amira',
      ])
      await stage.patch('amira', 'C')
      assert.equal((await stage.target('amira'))?.sn, 'C')
      const json = [{ operation: 'replace', field: 'sn', value: 'D' }]
      await gateway.call('/managed/user?_action=patch&_queryFilter=userName+eq+"amira"', { method: 'POST', json })
      assert.equal((await stage.target('amira'))?.sn, 'D')
      stage.hooks()
      const source = "openidm.patch('managed/user/amira', null, [{operation: 'replace', field: 'sn', value: 'E'}]).sn"
      const ran = await gateway.call('/script?_action=eval', { method: 'POST', json: js(source) })
      assert.equal(ran.json, 'E')
      assert.equal((await stage.target('amira'))?.sn, 'E')
      assert.equal(stage.hooks().at(-1), 'managed onSync notifyUpdate true 1 D E patch managed/user/amira')
    })

    it('but not a PATCH that stores nothing new', async () => {
      const before = writes(stage.remote)
      const answer = await stage.patch('amira', 'E')
      assert.deepEqual([answer.status, stage.hooks(), writes(stage.remote)], [200, [], before])
    })

    it('a check of one object, and of all', async () => {
      const { gateway, remote } = stage
      const target = await stage.target('amira')
      const changed = [{ operation: 'replace', field: 'sn', value: 'drifted' }]
      await remote.connection.patch(`managed/user/${target?._id}`, null, changed)
      const one = await gateway.call('/managed/user/amira?_action=triggerSyncCheck', { method: 'POST' })
      assert.deepEqual([(one.json as JsonObject)._id, (await stage.target('amira'))?.sn], ['amira', 'E'])
      assert.equal(stage.hooks().at(-1), 'managed onSync notifyUpdate true 1 E E action managed/user/amira')
      const all = await gateway.call('/managed/user?_action=triggerSyncCheck', { method: 'POST' })
      assert.deepEqual(all.json, { status: 'OK', countTriggered: 1 })
    })

    it('a delete', async () => {
      stage.hooks()
      assert.equal((await stage.remove('amira')).status, 200)
      assert.equal(await stage.target('amira'), undefined)
      assert.deepEqual(stage.hooks(), [
        ...['managed onDelete', 'managed postDelete', 'mapping onDelete', 'mapping onUnlink'],
        'managed onSync notifyDelete true 1 E - delete managed/user/amira',
      ])
    })

    it('a target that refuses: the write stays, the answer is the ordinary one, and onSync knows', async () => {
      refuse(stage.remote)
      const answer = await stage.put('bo', { userName: 'bo', sn: 'A' })
      stage.remote.interfere = undefined
      assert.equal(answer.status, 201)
      assert.equal((await stage.user('bo'))?.sn, 'A')
      assert.equal(stage.hooks().at(-1), 'managed onSync notifyCreate false 1 - A create managed/user/bo')
    })
  })

  it('of a reconciliation triggers further mappings', async () => {
    const [first, second] = [
      { ...MAPPING, name: 'fromEu', source: TARGET, target: 'managed/user' },
      { ...MAPPING, name: 'toCopy', target: 'managed/copy', properties: [{ source: 'userName', target: 'userName' }] },
    ]
    const { gateway, remote } = await startStage({ 'managed.json': managed() }, [first, second])
    for (const id of ['a', 'b']) await remote.connection.create('managed/user', id, { userName: id, sn: id })
    const run = await gateway.call('/recon?_action=recon&mapping=fromEu&waitForCompletion=true', { method: 'POST' })
    assert.equal((run.json as JsonObject).state, 'SUCCESS', run.text)
    const copies = await gateway.gateway.connection.query('managed/copy', { _queryFilter: 'true' })
    assert.deepEqual(copies.result.map(({ userName }) => userName).sort(), ['a', 'b'])
    const dry = '/recon?_action=recon&mapping=fromEu&waitForCompletion=true&analyze=true'
    await remote.connection.create('managed/user', 'c', { userName: 'c', sn: 'c' })
    assert.equal((await gateway.call(dry, { method: 'POST' })).status, 200)
    const after = await gateway.gateway.connection.query('managed/copy', { _queryFilter: 'true' })
    assert.equal(after.result.length, 2)
  })

  it('whose onSync throws has that answer, and stays', async () => {
    const onSync = js("throw { code: 418, message: 'no tea' }")
    const stage = await startStage({ 'managed.json': managed({ onSync }) })
    const answer = await stage.put('amira', { userName: 'amira', sn: 'A' })
    assert.deepEqual([answer.status, (answer.json as JsonObject).message], [418, 'no tea'])
    assert.equal((await stage.user('amira'))?.sn, 'A')
    assert.equal((await stage.target('amira'))?.sn, 'A')
  })

  it('whose postCreate throws stays, with its queued event, which is carried out', async () => {
    const postCreate = js("throw { code: 418, message: 'no tea' }")
    const queuedSync = { enabled: true, pollingInterval: 50 }
    const stage = await startStage({ 'managed.json': managed({ postCreate }) }, [{ ...MAPPING, queuedSync }])
    assert.equal((await stage.put('amira', { userName: 'amira', sn: 'A' })).status, 418)
    assert.equal((await stage.user('amira'))?.sn, 'A')
    await until(async () => (await stage.target('amira'))?.sn === 'A', 'it is carried out')
    const check = await stage.gateway.call('/managed/user/amira?_action=triggerSyncCheck', { method: 'POST' })
    assert.equal(check.status, 200)
  })

  it('of a type with onRetrieve: a mapping sees what a reconciliation sees', async () => {
    const onRetrieve = js("object.sn = object.sn + '!'")
    const stage = await startStage({ 'managed.json': managed({ onRetrieve }) })
    await stage.put('amira', { userName: 'amira', sn: 'A' })
    assert.equal((await stage.target('amira'))?.sn, 'A!')
    const before = writes(stage.remote)
    await stage.gateway.call('/recon?_action=recon&mapping=toEu&waitForCompletion=true', { method: 'POST' })
    assert.equal(writes(stage.remote), before)
  })
})

describe('compensate.js', function () {
  this.timeout(60_000)
  ownedBySuite()
  let stage: Stage

  const file = { type: 'text/javascript', file: 'compensate.js' }
  const SECRETS = {
    password: { type: 'string', isProtected: true, secureHash: {} },
    accountStatus: { type: 'string', default: 'active' },
  }

  before(async () => {
    stage = await startStage({ 'managed.json': managed({ onSync: file }, SECRETS) })
  })

  afterEach(() => {
    stage.remote.interfere = undefined
  })

  const message = ({ json }: { json: unknown }) => String((json as JsonObject).message)

  it('is built in, and no notice', async () => {
    assert.deepEqual(
      stage.gateway.gateway.notices.filter(({ file }) => file === 'managed.json'),
      [],
    )
  })

  it('takes a create back', async () => {
    refuse(stage.remote)
    const answer = await stage.put('amira', { userName: 'amira', sn: 'A' })
    assert.equal(answer.status, 409, answer.text)
    assert.match(
      message(answer),
      /^The change of managed\/user\/amira is taken back; the mapping toEu could not carry it over: /,
    )
    assert.match(message(answer), /Come again/)
    assert.equal(await stage.user('amira'), null)
  })

  it('takes an update back, with the password: PUT, PATCH', async () => {
    const content = { userName: 'bo', sn: 'A', password: 'Passw0rd-1' }
    assert.equal((await stage.put('bo', content)).status, 201)
    const signsIn = (password: string) =>
      stage.gateway.call('/info/login', { headers: { 'x-openidm-username': 'bo', 'x-openidm-password': password } })
    refuse(stage.remote)
    assert.equal((await stage.put('bo', { ...content, sn: 'B', password: 'Passw0rd-2' })).status, 409)
    assert.equal((await stage.patch('bo', 'C')).status, 409)
    assert.equal((await stage.user('bo'))?.sn, 'A')
    assert.equal((await stage.target('bo'))?.sn, 'A')
    assert.deepEqual([(await signsIn('Passw0rd-1')).status, (await signsIn('Passw0rd-2')).status], [200, 401])
  })

  it('takes a delete back, with the same id', async () => {
    const before = await stage.user('bo')
    refuse(stage.remote)
    assert.equal((await stage.remove('bo')).status, 409)
    const { _rev, ...after } = (await stage.user('bo')) ?? {}
    assert.deepEqual({ ...after, _rev: before?._rev }, before)
    stage.remote.interfere = undefined
    assert.equal((await stage.patch('bo', 'Z')).status, 200)
    assert.equal((await stage.target('bo'))?.sn, 'Z')
  })

  it('takes nothing back of a write that takes back itself, of a check, or where all went well', async () => {
    refuse(stage.remote)
    assert.equal((await stage.put('cleo', { userName: 'cleo', sn: 'A' }, '?compensating=true')).status, 201)
    assert.equal((await stage.user('cleo'))?.sn, 'A')
    const { _rev: before } = (await stage.user('cleo')) ?? {}
    const check = await stage.gateway.call('/managed/user/cleo?_action=triggerSyncCheck', { method: 'POST' })
    assert.equal(check.status, 409)
    assert.equal((await stage.user('cleo'))?._rev, before)
    stage.remote.interfere = undefined
    assert.equal((await stage.put('dan', { userName: 'dan', sn: 'A' })).status, 201)
  })

  it('says so when it cannot', async () => {
    const onDelete = js("throw { code: 403, message: 'users stay' }")
    const put = await stage.gateway.call('/config/managed', {
      method: 'PUT',
      json: managed({ onSync: file, onDelete }, SECRETS),
    })
    assert.equal(put.status, 200, put.text)
    refuse(stage.remote)
    const answer = await stage.put('eve', { userName: 'eve', sn: 'A' })
    assert.equal(answer.status, 409)
    assert.match(
      message(answer),
      /^managed\/user\/eve is left as changed, since that could not be taken back: users stay; the mapping toEu /,
    )
    assert.equal((await stage.user('eve'))?.sn, 'A')
  })
})
