import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { maskedChanges } from '../../lib/sync/rest/entries.ts'
import { startGateway, type TestGateway } from '../gateway/parts.ts'
import { writeAtomically } from '../helpers/files.ts'
import { until } from '../helpers/until.ts'
import { startSyncGateway } from './gateways.ts'

const STARS = '********'

describe('changes as a person may see them', () => {
  const shown = (field: string, to: Json, secrets: readonly string[] = []): Json => {
    const [change] = maskedChanges([{ field, from: null, to }], new Set(secrets))
    return (change as JsonObject).to ?? null
  }

  it('hide what is secret by its name, or stands encrypted', () => {
    assert.equal(shown('/password', 'x'), STARS)
    assert.equal(shown('/name', 'x'), 'x')
    assert.equal(shown('/name', { $crypto: {} }), STARS)
    assert.deepEqual(shown('/a', [{ apiKey: 'x', b: 1 }]), [{ apiKey: STARS, b: 1 }])
    assert.equal(shown('/password', null), null)
  })

  it('hide what they are told to, as a whole and within others', () => {
    assert.equal(shown('/pin', 7, ['/pin']), STARS)
    assert.deepEqual(shown('/pin', ['a', 'b'], ['/pin']), STARS)
    assert.equal(shown('/pin/last', 7, ['/pin']), STARS)
    assert.equal(shown('/pinboard', 7, ['/pin']), 7)
    assert.deepEqual(shown('/a', { pin: 1, b: [{ c: 2, d: 3 }] }, ['/a/pin', '/a/b/c']), {
      pin: STARS,
      b: [{ c: STARS, d: 3 }],
    })
  })

  it('hide everything when nobody knows what is secret any more', () => {
    const changes = [{ field: '/name', from: null, to: 'x' }]
    assert.deepEqual(maskedChanges(changes, undefined), [{ field: '/name', from: null, to: STARS }])
  })
})

const text = { type: 'string' }
const MANAGED = {
  objects: [
    {
      name: 'account',
      schema: {
        properties: {
          name: text,
          pin: { ...text, scope: 'private' },
          number: { ...text, encryption: { purpose: 'idm.password.encryption' } },
          badge: { ...text, isProtected: true },
          door: { ...text, secureHash: { algorithm: 'SHA-256' } },
          profile: { type: 'object', properties: { city: text, iban: { ...text, scope: 'private' } } },
          cards: {
            type: 'array',
            items: { type: 'object', properties: { bank: text, code: { ...text, isProtected: true } } },
          },
        },
      },
    },
  ],
}

const LOCAL = 'managed/account'
const REMOTE = 'external/idm/eu/managed/account'
const FIELDS = ['name', 'pin', 'number', 'badge', 'door', 'profile', 'cards']
const IN: JsonObject = {
  name: 'in',
  source: REMOTE,
  target: LOCAL,
  properties: FIELDS.map((name) => ({ source: name, target: name })),
}
const OUT: JsonObject = {
  name: 'out',
  enableSync: false,
  source: LOCAL,
  target: REMOTE,
  properties: [
    { source: 'name', target: 'name' },
    { source: 'pin', target: 'code', default: '4711' },
    { source: 'profile', target: 'details', default: { iban: '4712' } },
  ],
}

describe('the plan of a dry run, between gateways', () => {
  let gateway: TestGateway

  beforeEach(async () => {
    const remote = await startGateway({ conf: { 'managed.json': { objects: [{ name: 'account' }] } } })
    const remotes = { eu: { url: `${remote.url}/` } }
    gateway = await startSyncGateway(remotes, [IN, OUT], { 'managed.json': MANAGED })
  })

  async function plan(mapping: string): Promise<Record<string, Json>> {
    const start = `/recon?_action=recon&mapping=${mapping}&analyze=true&persistAssociations=true&waitForCompletion=true`
    const { _id } = (await gateway.call(start, { method: 'POST' })).json as JsonObject
    const answer = await gateway.call(`/recon/plan/${String(_id)}/entry?_queryFilter=true`)
    const [entry] = (answer.json as { result: JsonObject[] }).result
    const changes = entry?.changes as { field: string; to: Json }[]
    return Object.fromEntries(changes.map(({ field, to }) => [field, to] as const))
  }

  it('shows nothing of what the schema of a local target keeps to itself', async () => {
    await gateway.gateway.connection.create(REMOTE, 'a', {
      name: 'Ada',
      pin: '1001',
      number: '1002',
      badge: '1003',
      door: '1004',
      profile: { city: 'London', iban: '1005' },
      cards: [{ bank: 'one', code: '1006' }],
    })
    assert.deepEqual(await plan('in'), {
      '/name': 'Ada',
      '/pin': STARS,
      '/number': STARS,
      '/badge': STARS,
      '/door': STARS,
      '/profile': { city: 'London', iban: STARS },
      '/cards': [{ bank: 'one', code: STARS }],
    })
  })

  it('shows nothing of what is made of a private field of a local source', async () => {
    await gateway.gateway.connection.create(LOCAL, 'a', { name: 'Ada' })
    assert.deepEqual(await plan('out'), { '/name': 'Ada', '/code': STARS, '/details': STARS })
  })

  it('follows the file, and keeps to what was known while that is broken', async () => {
    await gateway.gateway.connection.create(REMOTE, 'a', { name: 'Ada', badge: '1003' })
    const file = join(gateway.project.conf, 'managed.json')
    await writeAtomically(file, {
      objects: [{ name: 'account', schema: { properties: { name: { scope: 'private' } } } }],
    })
    await until(async () => (await plan('in'))['/name'] === STARS)
    assert.equal((await plan('in'))['/badge'], '1003')
    await writeAtomically(file, '{ "objects": [')
    await until(() =>
      gateway.log.entries.some(({ level, msg }) => level === 'error' && /managed\.json/.test(String(msg))),
    )
    assert.equal((await plan('in'))['/name'], STARS)
  })
})
