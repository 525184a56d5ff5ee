import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { fakeIdm } from '../helpers/fake-idm/fake-idm.ts'
import { USERS } from './fake-stage.ts'
import { startSyncGateway } from './gateways.ts'

const text = { type: 'string' }
const MANAGED = {
  objects: [
    {
      name: 'account',
      schema: {
        properties: {
          userName: text,
          hash: { ...text, secureHash: { algorithm: 'SHA-256' } },
          pin: { ...text, encryption: { purpose: 'idm.password.encryption' } },
        },
      },
    },
  ],
}
const script = (source: string) => ({ type: 'text/javascript', source })

describe('a mapping from managed objects whose fields are protected', () => {
  const faulty: Readonly<Record<string, [property: JsonObject, fault: RegExp]>> = {
    'a hashed field': [
      { source: 'hash', target: 'password' },
      /properties\.1\.source: "hash" of managed\/account is hashed/,
    ],
    'a hashed field behind a transform': [
      { source: 'hash', target: 'password', transform: script('source') },
      /"hash" of managed\/account is hashed/,
    ],
    'a hashed field in a transform of the whole object': [
      { source: '', target: 'password', transform: script('source.hash') },
      /"hash" of managed\/account is hashed/,
    ],
    'an encrypted field that is copied to a remote': [{ source: 'pin', target: 'pin' }, /openidm\.decrypt\(source\)/],
  }
  const fine: Readonly<Record<string, JsonObject>> = {
    'an encrypted field that a transform decrypts': {
      source: 'pin',
      target: 'pin',
      transform: script('openidm.decrypt(source)'),
    },
    'a field whose name begins like that of a hashed one': {
      source: '',
      target: 'x',
      transform: script('source.hashtag'),
    },
  }

  async function put(property: JsonObject) {
    const two = await fakeIdm()
    const { call } = await startSyncGateway({ two }, [], { 'managed.json': MANAGED })
    const properties = [{ source: 'userName', target: 'userName' }, property]
    const mapping = { source: 'managed/account', target: `external/idm/two/${USERS}`, properties }
    return { call, answer: await call('/config/mapping/m', { method: 'PUT', json: mapping }) }
  }

  for (const [what, [property, fault]] of Object.entries(faulty))
    it(`is refused: ${what}`, async () => {
      const { answer } = await put(property)
      assert.equal(answer.status, 400, answer.text)
      assert.match(answer.text.replaceAll('\\"', '"'), fault)
    })

  for (const [what, property] of Object.entries(fine))
    it(`is taken: ${what}`, async () => {
      const { answer } = await put(property)
      assert.equal(answer.status, 201, answer.text)
    })

  it('cannot run any more when a field becomes hashed', async () => {
    const { call } = await put(fine['an encrypted field that a transform decrypts'] ?? {})
    const [{ name = '', schema } = {}] = MANAGED.objects
    const properties = { ...schema?.properties, pin: { ...text, secureHash: { algorithm: 'SHA-256' } } }
    const changed = { objects: [{ name, schema: { properties } }] }
    const managed = await call('/config/managed', { method: 'PUT', json: changed })
    assert.equal(managed.status, 200, managed.text)
    const run = await call('/recon?_action=recon&mapping=m', { method: 'POST' })
    assert.equal(run.status, 409)
    assert.match(run.text, /is hashed: its value cannot be read/)
  })

  it('is refused for the password of the default user type', async () => {
    const two = await fakeIdm()
    const { call } = await startSyncGateway({ two }, [])
    const properties = [{ source: 'password', target: 'password' }]
    const json = { source: USERS, target: `external/idm/two/${USERS}`, properties }
    assert.equal((await call('/config/mapping/m', { method: 'PUT', json })).status, 400)
  })
})
