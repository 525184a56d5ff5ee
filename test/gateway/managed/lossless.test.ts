import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ownedBySuite } from '../../helpers/clean-up.ts'
import type { CallResponse } from '../../helpers/http.ts'
import { jsonTexts, LONG_NUMBERS } from '../../helpers/json-text.ts'
import { ADMIN, startGateway, type TestGateway } from '../parts.ts'

const ADMIN_JSON = { ...ADMIN, 'content-type': 'application/json' }
const POISON = '"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}'

const THING = {
  name: 'thing',
  schema: {
    properties: {
      serial: { type: 'integer', searchable: true, policies: [{ policyId: 'unique' }] },
      size: { type: 'number', default: JSON.rawJSON('12345678901234567890') },
    },
  },
}
const HOOKED = {
  name: 'hooked',
  onUpdate: { type: 'text/javascript', source: 'object.seen = true' },
  onRetrieve: { type: 'text/javascript', source: 'object.read = true' },
}
const FILTERS = {
  filters: [
    {
      pattern: 'managed/filtered.*',
      onRequest: { type: 'text/javascript', source: 'if (request.content) request.content.asked = true' },
      onResponse: { type: 'text/javascript', source: 'response.answered = true' },
    },
  ],
}

describe('what callers of a gateway store comes back as it was', () => {
  ownedBySuite()
  let gateway: TestGateway
  before(async () => {
    const types = [THING, HOOKED, { name: 'filtered' }]
    gateway = await startGateway({ conf: { 'managed.json': { objects: types }, 'router.json': FILTERS } })
  })
  afterEach(() => {
    for (const value of [{}, [], () => undefined]) assert.equal(Reflect.get(value, 'polluted'), undefined)
    assert.equal(Reflect.get(Object, 'polluted'), undefined)
  })

  const call = (path: string, method: string, body: string | Buffer): Promise<CallResponse> =>
    gateway.call(path, { method, body, headers: ADMIN_JSON })
  const store = async (path: string, content: string): Promise<void> => {
    const answer = await call(path, 'PUT', content)
    assert.ok(answer.status < 300, answer.text)
  }
  const contentOf = async (path: string): Promise<string> =>
    (await gateway.call(path)).text.replace(/^\{"_id":"[^"]*","_rev":"[^"]*",?/, '{')

  it('whatever it is', async () => {
    await fc.assert(
      fc.asyncProperty(jsonTexts, async (value) => {
        const content = `{"serial":0,"size":1,"any":${value}}`
        await store('/managed/thing/any', content)
        assert.equal(await contentOf('/managed/thing/any'), content)
      }),
      { numRuns: 100 },
    )
  })

  it('a default of the type, and what a policy takes for an integer', async () => {
    await store('/managed/thing/default', '{"serial":9007199254740993}')
    assert.equal(await contentOf('/managed/thing/default'), '{"serial":9007199254740993,"size":12345678901234567890}')
    const refused = await call('/managed/thing/half', 'PUT', '{"serial":9007199254740993.5}')
    assert.equal(refused.status, 403)
    assert.match(refused.text, /VALID_TYPE/)
  })

  it('unique values, filters and orders tell near numbers apart', async () => {
    const serials = ['7000000000000000001', '7000000000000000002', '7000000000000000003']
    for (const serial of serials) await store(`/managed/thing/s${serial}`, `{"serial":${serial}}`)
    const double = await call('/managed/thing/double', 'PUT', `{"serial":${serials[1]}}`)
    assert.match(double.text, /UNIQUE/)
    const found = async (query: string): Promise<string[]> => {
      const { text } = await gateway.call(encodeURI(`/managed/thing?${query}&_fields=serial`))
      return [...text.matchAll(/"serial":(\d+)/g)].map(([, serial = '']) => serial)
    }
    const [first = '', second = '', third = ''] = serials
    const large = 'serial gt 6000000000000000000'
    assert.deepEqual(await found(`_queryFilter=serial eq ${second}`), [second])
    assert.deepEqual(await found(`_queryFilter=serial in '[${first},${third}]'&_sortKeys=serial`), [first, third])
    assert.deepEqual(await found(`_queryFilter=serial ge ${second}&_sortKeys=-serial`), [third, second])
    assert.deepEqual(await found(`_queryFilter=${large}&_sortKeys=-serial`), [third, second, first])
    const page = JSON.parse(
      (await gateway.call(encodeURI(`/managed/thing?_queryFilter=${large}&_sortKeys=serial&_pageSize=1`))).text,
    )
    const cookie = page.pagedResultsCookie
    const next = `_queryFilter=${large}&_sortKeys=serial&_pageSize=2&_pagedResultsCookie=${cookie}`
    assert.deepEqual(await found(next), [second, third])
  })

  it('PATCH changes what it names, and adds exactly', async () => {
    const numbers = `"numbers":[${LONG_NUMBERS.join()}]`
    await store('/managed/thing/patched', `{"serial":9007199254740997,"size":1,${numbers}}`)
    const operations = [
      { operation: 'increment', field: 'serial', value: 2 },
      { operation: 'remove', field: 'numbers', value: JSON.rawJSON('12345678901234567890') },
      { operation: 'copy', from: '/serial', field: '/copy' },
    ]
    assert.equal((await call('/managed/thing/patched', 'PATCH', JSON.stringify(operations))).status, 200)
    const left = numbers.replace(',12345678901234567890', '')
    const expected = `{"serial":9007199254740999,"size":1,${left},"copy":9007199254740999}`
    assert.equal(await contentOf('/managed/thing/patched'), expected)
  })

  it('through hooks and router filters', async () => {
    for (const id of ['hooked/a', 'filtered/a']) await store(`/managed/${id}`, `{"serial":9007199254740993,${POISON}}`)
    await store('/managed/hooked/a', `{"serial":9007199254740993,"rate":1e400,${POISON}}`)
    const hooked = `{"serial":9007199254740993,"rate":1e400,${POISON},"seen":true,"read":true}`
    assert.equal(await contentOf('/managed/hooked/a'), hooked)
    assert.equal(
      await contentOf('/managed/filtered/a'),
      `{"serial":9007199254740993,${POISON},"asked":true,"answered":true}`,
    )
  })

  it('members called as those of a prototype, whatever is done to them', async () => {
    await store('/managed/thing/odd', `{"serial":1,"size":1,${POISON}}`)
    const path = '/managed/thing/odd'
    const patch = (...operations: object[]) => call(path, 'PATCH', JSON.stringify(operations))
    assert.equal((await patch({ operation: 'add', field: '/__proto__/polluted', value: 2 })).status, 200)
    assert.equal((await patch({ operation: 'add', field: '/constructor/prototype/polluted', value: 2 })).status, 200)
    assert.equal((await patch({ operation: 'copy', from: '/__proto__', field: '/prototype' })).status, 200)
    assert.equal((await patch({ operation: 'remove', field: '/__proto__' })).status, 200)
    const left = '"constructor":{"prototype":{"polluted":2}},"prototype":{"polluted":2}'
    assert.equal(await contentOf(path), `{"serial":1,"size":1,${left}}`)
    assert.equal((await patch({ operation: 'add', field: '/__proto__/polluted', value: 3 })).status, 200)
    assert.equal(await contentOf(path), `{"serial":1,"size":1,${left},"__proto__":{"polluted":3}}`)
    const fields = await gateway.call(`${path}?_fields=__proto__/polluted,constructor/prototype,toString,valueOf`)
    assert.match(fields.text, /,"__proto__":\{"polluted":3\},"constructor":\{"prototype":\{"polluted":2\}\}\}$/)
    const ids = async (filter: string) =>
      JSON.parse((await gateway.call(encodeURI(`/managed/thing?_queryFilter=${filter}`))).text)
    for (const filter of ['__proto__/polluted eq 3', 'constructor/prototype/polluted pr', '__proto__/polluted gt 2'])
      assert.equal((await ids(filter)).resultCount, 1, filter)
    for (const filter of ['toString pr', 'constructor/name pr', '__proto__/toString pr', '__proto__/__proto__ pr'])
      assert.equal((await ids(filter)).resultCount, 0, filter)
  })

  it('as a new type, an endpoint and a script', async () => {
    const evaluated = await call(
      '/script?_action=eval',
      'POST',
      `{"type":"text/javascript","source":"x","x":{${POISON}}}`,
    )
    assert.equal(evaluated.text, `{${POISON}}`)
    const stored = await call(
      '/config/endpoint/odd',
      'PUT',
      `{"type":"text/javascript","source":"odd","globals":{"odd":{"n":9007199254740993,${POISON}}}}`,
    )
    assert.equal(stored.status, 201)
    assert.match((await gateway.call('/endpoint/odd')).text, /"n":9007199254740993,"__proto__":\{"polluted":1\}/)
  })

  it('a path or parameter of such a name is nothing', async () => {
    for (const path of ['/managed/__proto__', '/managed/constructor/a', '/__proto__', '/managed/thing/__proto__'])
      assert.equal((await gateway.call(path)).status, 404, path)
    assert.equal((await gateway.call('/managed/thing?_queryFilter=true&__proto__=polluted')).status, 400)
  })

  it('bytes that are no UTF-8 are refused', async () => {
    const body = Buffer.from('{"sn":"Ren\xe9"}', 'latin1')
    const answer = await call('/managed/thing/latin', 'PUT', body)
    assert.equal(answer.status, 400)
    assert.equal((await gateway.call('/managed/thing/latin')).status, 404)
  })
})
