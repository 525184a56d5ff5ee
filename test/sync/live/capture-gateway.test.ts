import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { JsonObject } from '../../../lib/contract.ts'
import { byHand } from '../../helpers/behaviours.ts'
import { fakeIdm, json } from '../../helpers/fake-idm/fake-idm.ts'
import { tempDir } from '../../helpers/files.ts'
import { type Remote, startRemote } from '../../helpers/remote.ts'
import { until } from '../../helpers/until.ts'
import { basicOf, startIdm } from '../../proxy/mounted.ts'
import { startSyncGateway } from '../gateways.ts'
import { CAPTURING, counter, REFUSED } from './capture-stage.ts'

const PATH = 'external/idm/eu/managed/user'
const PUT = { method: 'PUT', json: { sn: 'x' } }
const CORRELATION = { type: 'text/javascript', file: 'ui/correlateTreeToQueryFilter.js' }

const MAPPING = { ...CAPTURING, target: 'external/idm/us/managed/user' }

/** A mapping from `eu` to `us`, two instances that stand for the same remote. */
const startWith = (remote: Remote, mapping: JsonObject = MAPPING) =>
  startSyncGateway({ eu: remote, us: remote }, [mapping])

describe('captureChanges in a gateway', () => {
  it('notes a request before it is sent, and forgets it when it is refused', async () => {
    const hand = byHand()
    const gateway = await startWith(await startRemote({ behaviour: hand }))
    const count = counter(join(gateway.project.db, 'openidm.db'))
    const call = gateway.call(`/${PATH}/u1`, PUT)
    const exchange = await hand.next()
    assert.equal(count('capture_intent'), 1)
    await REFUSED(exchange)
    assert.equal((await call).status, 409)
    await until(() => count('capture_intent') === 0)
    assert.equal(count('sync_event'), 0)
  })

  it('notes what scripts send', async () => {
    const hand = byHand()
    const gateway = await startWith(await startRemote({ behaviour: hand }))
    const count = counter(join(gateway.project.db, 'openidm.db'))
    const source = `openidm.update("${PATH}/u1", null, {})`
    const call = gateway.call('/script?_action=eval', { method: 'POST', json: { type: 'text/javascript', source } })
    const exchange = await hand.next()
    assert.equal(count('capture_intent'), 1)
    await REFUSED(exchange)
    await call
    await until(() => count('capture_intent') === 0)
  })

  it('follows the mappings that are in force', async () => {
    const gateway = await startWith(await startRemote({ behaviour: REFUSED }), { ...MAPPING, captureChanges: false })
    const hand = byHand()
    const remote = await startRemote({ behaviour: hand })
    const count = counter(join(gateway.project.db, 'openidm.db'))
    const changed = await gateway.call('/config/sync', { method: 'PUT', json: { mappings: [MAPPING] } })
    assert.equal(changed.status, 200, changed.text)
    const instance = basicOf(remote) as JsonObject
    await gateway.call('/config/external.idm/eu', { method: 'PUT', json: instance })
    const call = gateway.call(`/${PATH}/u1`, PUT)
    const exchange = await hand.next()
    assert.equal(count('capture_intent'), 1)
    await REFUSED(exchange)
    await call
  })

  it('shows that a mapping needs a full run until one has ended well', async () => {
    const eu = await fakeIdm()
    const us = await fakeIdm()
    eu.seed('managed/user', [{ _id: 'u1', sn: 'x' }])
    us.seed('managed/user', [])
    eu.intercept(
      ({ method }) => method === 'POST',
      async () => json(200, {}),
    )
    const gateway = await startSyncGateway({ eu, us }, [{ ...MAPPING, properties: [{ source: 'sn', target: 'sn' }] }])
    const shown = async () => ((await gateway.call('/sync/mappings/m')).json as JsonObject).needsFullRunSince
    const run = async (more: string) => {
      const path = `/recon?mapping=m&waitForCompletion=true&_action=${more}`
      const { json } = await gateway.call(path, { method: 'POST' })
      return (json as JsonObject).state
    }
    assert.equal(await shown(), undefined)
    assert.equal((await gateway.call(`/${PATH}?_action=merge`, { method: 'POST' })).status, 200)
    await until(async () => /^\d{4}-/.test(String(await shown())), 'it is shown')
    assert.equal(await run('recon&analyze=true'), 'SUCCESS')
    assert.equal(await run('reconById&ids=u1'), 'SUCCESS')
    assert.match(String(await shown()), /^\d{4}-/)
    assert.equal(await run('recon'), 'SUCCESS')
    await until(async () => (await shown()) === undefined, 'it is not shown any more')
    assert.match(gateway.log.lines.join(''), /mapping m: a captured request has changed objects that are not known/)
  })

  it('carries over what passes through, without a queue of the mapping', async () => {
    const [eu, us] = [await fakeIdm(), await fakeIdm()]
    for (const remote of [eu, us]) remote.seed('managed/user', [])
    const mapping = {
      ...MAPPING,
      correlationQuery: [{ linkQualifier: 'default', expressionTree: { all: ['sn'] }, ...CORRELATION }],
      policies: [{ situation: 'SOURCE_MISSING', action: 'DELETE' }],
      properties: [{ source: 'sn', target: 'sn' }],
    }
    const gateway = await startSyncGateway({ eu, us }, [mapping])
    const names = () => us.objects('managed/user').map(({ sn }) => sn)
    const send = async (method: string, path: string, json?: JsonObject) => {
      const { status, text } = await gateway.call(`/${PATH}${path}`, { method, json })
      assert.ok(status < 300, text)
    }
    await send('PUT', '/u1', { sn: 'one' })
    await until(() => names().join() === 'one', 'it is created')
    await send('PATCH', '/u1', [{ operation: 'replace', field: '/sn', value: 'two' }] as unknown as JsonObject)
    await until(() => names().join() === 'two', 'it is changed')
    await send('POST', '?_action=create', { sn: 'three' })
    await until(() => names().sort().join() === 'three,two', 'the other is created')
    await send('DELETE', '/u1')
    await until(() => names().join() === 'three', 'it is deleted')
  })

  it('says where it has no effect', async () => {
    const gateway = await startWith(await startRemote(), { ...MAPPING, source: 'managed/user' })
    const [notice] = gateway.gateway.notices.filter(({ file }) => file === 'sync.json')
    assert.match(notice?.reason ?? '', /"captureChanges" has no effect: the source managed\/user is no collection/)
  })

  it('works in an application with synchronization', async () => {
    const hand = byHand()
    const remote = await startRemote({ behaviour: hand })
    const db = join(await tempDir(), 'openidm.db')
    const options = { sync: { db }, authorizeManagement: () => false }
    const idm = await startIdm({ eu: basicOf(remote), us: basicOf(remote) }, options, undefined, {
      'sync.json': { mappings: [MAPPING] },
    })
    const count = counter(db)
    const call = idm.call('eu/managed/user/u1', PUT)
    const exchange = await hand.next()
    assert.equal(count('capture_intent'), 1)
    await REFUSED(exchange)
    await call
    await until(() => count('capture_intent') === 0)
  })
})
