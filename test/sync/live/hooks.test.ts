import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { ownedBySuite } from '../../helpers/clean-up.ts'
import { js, type LiveStage, LOCAL, mappingTo, person, SOURCE, startLive } from './live-stage.ts'

const SEEN = `source: source && source.mail, old: typeof oldSource === "undefined" ? "none" : oldSource && oldSource.mail`
const log = (name: string) => js(`logger.info("| " + JSON.stringify({ hook: "${name}", ${SEEN} }))`)

const HOOKS = Object.fromEntries(
  ['onCreate', 'onUpdate', 'onDelete', 'onLink', 'onUnlink', 'postMapping', 'onError'].map((name) => [name, log(name)]),
)

describe('implicit synchronization: order, hooks, audit', () => {
  ownedBySuite()
  let stage: LiveStage
  let audited = 0
  before(async () => {
    stage = await startLive([])
  })

  const write = async (id: string, mail: string) => {
    const found = await stage.connection.read(`${SOURCE}/${id}`)
    const content = person(id, { mail })
    if (found) return stage.connection.update(`${SOURCE}/${id}`, null, content)
    return stage.connection.create(SOURCE, id, content)
  }
  const hooks = () => stage.printed().map((line) => JSON.parse(line) as JsonObject)
  const fresh = async (count: number) => {
    const all = await stage.audited(audited + count)
    const own = all.slice(audited)
    audited = all.length
    return own
  }

  it('hooks run in their order, and see the source as it is and as it was', async () => {
    await stage.configure([
      mappingTo(LOCAL, { ...HOOKS, validSource: js('logger.info("| {\\"hook\\":\\"validSource\\"}"); true') }),
    ])
    const first = await write('h', '1@x')
    await stage.notify('Create', 'h', { newValue: first })
    assert.deepEqual(hooks(), [
      { hook: 'validSource' },
      { hook: 'onCreate', source: '1@x', old: null },
      { hook: 'onLink', source: '1@x', old: null },
      { hook: 'postMapping', source: '1@x', old: null },
    ])
    const second = await write('h', '2@x')
    await stage.notify('Update', 'h', { newValue: second, oldValue: first })
    assert.deepEqual(hooks(), [
      { hook: 'validSource' },
      { hook: 'onUpdate', source: '2@x', old: '1@x' },
      { hook: 'postMapping', source: '2@x', old: '1@x' },
    ])
    const [target = ''] = await stage.links('h')
    await stage.connection.delete(`${LOCAL}/${target}`, null)
    await stage.connection.create(LOCAL, 'spare', person('spare'))
    await stage.configure([
      mappingTo(LOCAL, {
        ...HOOKS,
        policies: [
          { situation: 'MISSING', action: 'CREATE' },
          { situation: 'SOURCE_MISSING', action: 'DELETE' },
        ],
      }),
    ])
    await stage.notify('Update', 'h', { newValue: second, oldValue: first })
    assert.deepEqual(hooks(), [
      { hook: 'onCreate', source: '2@x', old: '1@x' },
      { hook: 'onLink', source: '2@x', old: null },
      { hook: 'postMapping', source: '2@x', old: '1@x' },
    ])
    await stage.connection.delete(`${SOURCE}/h`, null)
    await stage.notify('Delete', 'h', { oldValue: second })
    assert.deepEqual(hooks(), [
      { hook: 'onDelete', source: null, old: '2@x' },
      { hook: 'onUnlink', source: null, old: null },
    ])
    await fresh(4)
  })

  it('conditions of properties and the script for link qualifiers see the source as it was', async () => {
    await stage.configure([
      mappingTo(LOCAL, {
        linkQualifiers: js('oldValue ? ["again"] : ["first"]'),
        properties: [
          { source: 'userName', target: 'userName' },
          { source: 'mail', target: 'mail', condition: '/oldSource/mail pr' },
          { source: 'mail', target: 'formerly', transform: js('source'), condition: js('oldSource !== null') },
        ],
      }),
    ])
    const first = await write('c', '1@x')
    const [created = {}] = await stage.notify('Create', 'c', { newValue: first })
    assert.equal(created.linkQualifier, 'first')
    const { mail, formerly } = created.targetObjectSet as JsonObject
    assert.deepEqual([mail ?? null, formerly ?? null], [null, null])
    const [again = {}] = await stage.notify('Update', 'c', { oldValue: first, newValue: first })
    assert.equal(again.linkQualifier, 'again')
    assert.equal((again.targetObjectSet as JsonObject | null)?.mail, '1@x')
    await fresh(2)
  })

  it('in a reconciliation there is none', async () => {
    await stage.configure([mappingTo(LOCAL, HOOKS)])
    await write('r', '1@x')
    const query = '_action=reconById&mapping=m&id=r&waitForCompletion=true'
    assert.equal((await stage.gateway.call(`/recon?${query}`, { method: 'POST' })).status, 200)
    assert.deepEqual(
      hooks().map(({ old }) => old),
      [null, null, null],
    )
  })

  it('triggerSyncProperties: an update of other fields concerns nobody', async () => {
    await stage.configure([mappingTo(LOCAL, { triggerSyncProperties: ['/mail', 'name/first'] })])
    const first = await write('t', '1@x')
    assert.equal((await stage.notify('Create', 't', { newValue: first })).length, 1)
    const next = { ...first, _rev: 'next' }
    const same = { ...next, sn: 'Other' }
    assert.deepEqual(await stage.notify('Update', 't', { oldValue: first, newValue: same }), [])
    assert.equal((await stage.notify('Update', 't', { oldValue: first, newValue: { ...next, mail: 'x' } })).length, 1)
    const named = { ...next, name: { first: 'A' } }
    assert.equal((await stage.notify('Update', 't', { oldValue: first, newValue: named })).length, 1)
    // Nothing is left out of an object that is checked as it is, or whose former state is not known.
    assert.equal((await stage.notify('Update', 't', { oldValue: first, newValue: first })).length, 1)
    assert.equal((await stage.notify('Update', 't')).length, 1)
    assert.equal((await stage.notify('Delete', 't', { oldValue: first })).length, 1)
    await fresh(6)
  })

  it('mappings run in their order, up to the first that fails', async () => {
    const named = (name: string, more: JsonObject = {}) => ({ ...mappingTo(LOCAL, more), name, correlationQuery: [] })
    const failing = { onCreate: js('throw { code: 503, message: "the target is down" }') }
    await stage.configure([
      named('one'),
      named('off', { enableSync: false }),
      named('two', failing),
      named('three'),
      { ...named('elsewhere'), source: 'managed/note' },
    ])
    await write('f', '1@x')
    const details = await stage.notify('Create', 'f')
    assert.deepEqual(
      details.map(({ mapping, situation, action, result }) => [mapping, situation, action, result]),
      [
        ['one', 'ABSENT', 'CREATE', 'SUCCESSFUL'],
        ['two', 'ABSENT', 'CREATE', 'FAILED'],
      ],
    )
    assert.deepEqual(details[1]?.cause, { code: 503, reason: 'Service Unavailable', message: 'the target is down' })
    assert.equal(details[1]?.targetObjectSet, null)
    assert.equal((await stage.links('f')).length, 1)
    const [one, two] = await fresh(2)
    assert.deepEqual([one?.status, two?.status], ['SUCCESS', 'FAILURE'])
    assert.deepEqual(two?.messageDetail, details[1]?.cause)
  })

  it('audit/sync has the fields of the vendor, for what writes nothing, too', async () => {
    await stage.configure([mappingTo(LOCAL)])
    await write('a', '1@x')
    const { status } = await stage.gateway.call(`/sync?_action=notifyCreate&resourceContainer=${SOURCE}&resourceId=a`, {
      method: 'POST',
    })
    assert.equal(status, 200)
    await stage.notify('Update', 'a')
    const [created, confirmed] = await fresh(2)
    const { _id, timestamp, transactionId, trackingIds: _, targetObjectId, ...rest } = created ?? {}
    for (const value of [_id, timestamp, transactionId]) assert.match(String(value), /\S/)
    assert.deepEqual([targetObjectId], await stage.links('a'))
    assert.deepEqual(rest, {
      eventName: 'sync',
      userId: 'openidm-admin',
      mapping: 'm',
      situation: 'ABSENT',
      action: 'CREATE',
      linkQualifier: 'default',
      sourceObjectId: `${SOURCE}/a`,
      status: 'SUCCESS',
      message: null,
      messageDetail: null,
      exception: null,
    })
    assert.deepEqual([confirmed?.situation, confirmed?.action, confirmed?.status], ['CONFIRMED', 'UPDATE', 'SUCCESS'])
  })

  it('NOREPORT and ASYNC are not audited', async () => {
    await stage.configure([mappingTo(LOCAL, { policies: [{ situation: 'ABSENT', action: 'ASYNC' }] })])
    await write('n', '1@x')
    assert.equal((await stage.notify('Create', 'n'))[0]?.action, 'ASYNC')
    await stage.configure([mappingTo(LOCAL)])
    await stage.notify('Create', 'n')
    assert.deepEqual(
      (await fresh(1)).map(({ action }) => action),
      ['CREATE'],
    )
  })

  it('a mapping with requireApproval is left to the next run, and says what has no effect', async () => {
    await stage.configure([mappingTo(LOCAL, { requireApproval: true, triggerSyncProperties: ['/mail'] })])
    await write('q', '1@x')
    assert.deepEqual(await stage.notify('Create', 'q'), [])
    const notices = stage.gateway.gateway.notices.map(({ reason }) => reason)
    assert.match(notices.join(), /"triggerSyncProperties": no effect beside "requireApproval"/)
  })

  it('a mapping that cannot be used fails with its cause', async () => {
    await stage.configure([mappingTo(LOCAL, { links: 'nobody' })])
    await write('u', '1@x')
    const [detail = {}] = await stage.notify('Create', 'u')
    assert.deepEqual([detail.situation, detail.result], [null, 'FAILED'])
    assert.match(String((detail.cause as JsonObject).message), /there is no mapping "nobody"/)
    await fresh(1)
  })

  it('a request without its parameters, or with another body, is refused', async () => {
    const call = async (query: string, json?: unknown) => {
      const options = { method: 'POST', ...(json !== undefined && { json: json as JsonObject }) }
      const { status, json: answer } = await stage.gateway.call(`/sync?_action=${query}`, options)
      return [status, String((answer as JsonObject).message)]
    }
    assert.deepEqual((await call('notifyCreate'))[0], 400)
    assert.match(String((await call('notifyCreate&resourceContainer=hr/person'))[1]), /resourceId/)
    const whole = 'notifyCreate&resourceContainer=hr/person&resourceId=1'
    assert.match(String((await call(whole, { newValue: 1 }))[1]), /^newValue: must be an object, or null/)
    assert.match(String((await call(whole, []))[1]), /must be an object/)
    assert.match(String((await call('notifyAll'))[1]), /notifyCreate, notifyUpdate, notifyDelete/)
  })
})
