import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { parseJson } from '../../lib/core/json.ts'
import { MemoryCollection } from '../../lib/crest/protocol/collection.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { jsonObjectTexts, jsonTexts, LONG_NUMBERS } from '../helpers/json-text.ts'
import { js, type Scripting, startScripting } from './parts.ts'

const object = (text: string): JsonObject => parseJson(text) as JsonObject
const SERIAL = '{"serial":9007199254740993}'

describe('long numbers and odd members in scripts', () => {
  let scripting: Scripting
  ownedBySuite()
  before(() => {
    scripting = startScripting()
  })

  /** The text of the value of a script. */
  const textOfValue = async (source: string, variables: JsonObject = {}): Promise<string> =>
    JSON.stringify(await scripting.run(source, variables))
  const store = (id: string, text: string, resourcePath = 'managed/user'): Promise<unknown> =>
    scripting.router.handle(
      {
        method: 'create',
        resourcePath,
        newResourceId: id,
        content: object(text),
        fields: [],
        additionalParameters: {},
      },
      {},
    )
  const stored = async (id: string, collection = 'managed/user'): Promise<string> => {
    const { content } = await scripting.router.handle(
      { method: 'read', resourcePath: `${collection}/${id}`, fields: [], additionalParameters: {} },
      {},
    )
    return JSON.stringify(content)
  }

  it('what a script returns as it was given', async () => {
    const texts = fc.array(jsonTexts, { minLength: 1, maxLength: 20 })
    const script = await scripting.engine.compile(js('given'), 'test')
    const read = await scripting.engine.compile(js('given.x = 1; delete given.x; other = given; null'), 'test')
    await fc.assert(
      fc.asyncProperty(texts, fc.array(jsonObjectTexts, { minLength: 1, maxLength: 5 }), async (texts, objects) => {
        const values = await scripting.engine.runMany(
          script,
          texts.map((text) => ({ given: parseJson(text) })),
        )
        assert.deepEqual(
          values.map((outcome) => ('error' in outcome ? outcome.error : JSON.stringify(outcome.value))),
          texts,
        )
        const left = await scripting.engine.runMany(
          read,
          objects.map((text) => ({ given: parseJson(text) })),
          { read: ['given'] },
        )
        assert.deepEqual(
          left.map((outcome) => ('error' in outcome ? outcome.error : JSON.stringify(outcome.variables.given))),
          objects.map((text) => JSON.stringify(withoutX(object(text)))),
        )
      }),
      { numRuns: 100 },
    )
  })

  it('an ordinary number crosses both ways as the same double', async () => {
    const script = await scripting.engine.compile(js('[given, given + 0, JSON.parse(JSON.stringify(given))]'), 'test')
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 50 }),
        async (list) => {
          const outcomes = await scripting.engine.runMany(
            script,
            list.map((given) => ({ given })),
          )
          for (const [index, outcome] of outcomes.entries())
            assert.deepEqual('value' in outcome && outcome.value, Array(3).fill((list[index] ?? 0) + 0))
        },
      ),
      { numRuns: 20 },
    )
  })

  const returned: [what: string, source: string, given: string, value: string][] = [
    ['a member of what it was given', 'given.serial', SERIAL, '9007199254740993'],
    ['in another object', '({ a: [{ b: given.serial }] })', SERIAL, '{"a":[{"b":9007199254740993}]}'],
    ['as text, which it made of a double', 'String(given.serial)', SERIAL, '"9007199254740992"'],
    ['computed', 'given.serial * 2', SERIAL, '18014398509481984'],
    ['a short double that only looks like it', '({ other: 1 })', '{"a":1.00000000000000000001}', '{"other":1}'],
    ['too large for a double', 'given', '{"a":1e400,"b":-1e400}', '{"a":1e400,"b":-1e400}'],
    ['too large, cleared', 'given.a = null; given', '{"a":1e400}', '{"a":null}'],
    ['too small for a double', 'given', '{"a":1e-400}', '{"a":1e-400}'],
    ['changed', 'given.serial = 5; given', SERIAL, '{"serial":5}'],
    ['removed', 'delete given.serial; given', SERIAL, '{}'],
  ]
  for (const [what, source, given, value] of returned)
    it(`a long number ${what}`, async () => assert.equal(await textOfValue(source, { given: object(given) }), value))

  it('each run of a batch has its own, however near they are', async () => {
    const script = await scripting.engine.compile(js('({ serial: given.serial, again: given })'), 'test')
    const texts = ['9007199254740992', '9007199254740993', '12345678901234567890', '12345678901234567891', '1']
    const outcomes = await scripting.engine.runMany(
      script,
      texts.map((text) => ({ given: object(`{"serial":${text}}`) })),
    )
    assert.deepEqual(
      outcomes.map((outcome) => 'value' in outcome && JSON.stringify(outcome.value)),
      texts.map((text) => `{"serial":${text},"again":{"serial":${text}}}`),
    )
  })

  it('variables keep theirs beside others that are the same double', async () => {
    const script = await scripting.engine.compile(js('target.sn = "x"'), 'test')
    const variables = { source: object('{"n":9007199254740993}'), target: object('{"n":9007199254740992}') }
    const result = await scripting.engine.runAndRead(script, variables, ['source', 'target'])
    assert.equal(
      JSON.stringify(result.variables),
      '{"source":{"n":9007199254740993},"target":{"n":9007199254740992,"sn":"x"}}',
    )
  })

  it('where several can be meant, the run fails and names them', async () => {
    const error = await scripting.failure('({ other: a.n })', {
      a: object('{"n":9007199254740993}'),
      b: object('{"m":9007199254740992}'),
    })
    assert.match(
      error.message,
      /^The result of the script test: \/other: a script cannot distinguish 9007199254740993 from 9007199254740992, /,
    )
  })

  it('what was read is written back digit by digit, and beside other objects', async () => {
    const texts: [id: string, text: string][] = [
      ['odd', '{"serial":9007199254740993,"rate":1.00000000000000000001,"list":[1e400,12345678901234567890]}'],
      ['even', '{"serial":9007199254740992,"rate":1,"list":[1.7976931348623157e+308,12345678901234567000]}'],
    ]
    for (const [id, text] of texts) await store(id, text)
    const source = `['odd', 'even'].forEach(function (id) { openidm.read('managed/user/' + id) })
      openidm.query('managed/user', { _queryFilter: 'serial pr' }).result.forEach(function (user) {
        user.sn = 'x'
        openidm.update('managed/user/' + user._id, user._rev, user)
      })`
    await scripting.run(source)
    for (const [id, text] of texts) assert.equal(await stored(id), text.replace(/\}$/, ',"sn":"x"}'))
  })

  it('create and patch pass on what was read', async () => {
    await store('one', SERIAL)
    await scripting.run(`var one = openidm.read('managed/user/one')
      openidm.create('managed/user', 'copy', { serial: one.serial, nested: { list: [one.serial] } })
      openidm.create('managed/user', 'patched', { serial: 1, a: {} })
      openidm.patch('managed/user/patched', null, [
        { operation: 'replace', field: '/serial', value: one.serial },
        { operation: 'add', field: '/a/b', value: { c: one.serial } }])`)
    assert.equal(await stored('copy'), '{"serial":9007199254740993,"nested":{"list":[9007199254740993]}}')
    assert.equal(await stored('patched'), '{"serial":9007199254740993,"a":{"b":{"c":9007199254740993}}}')
    await store('rated', '{"rates":{"a":1.00000000000000000001,"b":2}}')
    await scripting.run(`var rates = openidm.read('managed/user/rated').rates
      openidm.patch('managed/user/rated', null, [{ operation: 'replace', field: '/rates', value: rates }])`)
    assert.equal(await stored('rated'), '{"rates":{"a":1.00000000000000000001,"b":2}}')
  })

  it('a short number is not taken for a long one of another object', async () => {
    await store('long', '{"rate":1.00000000000000000001}')
    await store('short', '{"rate":1}')
    await scripting.run(`openidm.read('managed/user/long')
      openidm.update('managed/user/short', null, openidm.read('managed/user/short'))
      openidm.create('managed/user', 'copy-of-short', openidm.read('managed/user/short'))`)
    assert.equal(await stored('short'), '{"rate":1}')
    assert.equal(await stored('copy-of-short'), '{"rate":1}')
  })

  const serials = ['7000000000000000001', '7000000000000000000', '6999999999999999999']
  const near = 'managed/near'

  it('a page of objects whose numbers are near each other is copied, and returned', async () => {
    scripting.router.add(near, new MemoryCollection())
    scripting.router.add('managed/far', new MemoryCollection())
    for (const serial of serials)
      await store(`n${serial}`, `{"serial":${serial},"part":{"serial":${serial}},"rate":1.00000000000000000001}`, near)
    await store('plain', '{"serial":1,"rate":1}', near)
    const query = `openidm.query('${near}', { _queryFilter: 'true', _sortKeys: '_id' }).result`
    await scripting.run(`${query}.forEach(function (one) { openidm.create('managed/far', null, one) })`)
    for (const serial of serials)
      assert.equal(
        await stored(`n${serial}`, 'managed/far'),
        `{"serial":${serial},"part":{"serial":${serial}},"rate":1.00000000000000000001}`,
      )
    assert.equal(await stored('plain', 'managed/far'), '{"serial":1,"rate":1}')
    const returned = await textOfValue(`({ people: ${query}.reverse() })`)
    assert.deepEqual(
      [...returned.matchAll(/"serial":(\d+)/g)].map(([, serial]) => serial),
      [
        '1',
        ...[...serials]
          .sort()
          .reverse()
          .flatMap((serial) => [serial, serial]),
      ],
    )
    assert.deepEqual(
      [...returned.matchAll(/"rate":([\d.]+)/g)].map(([, rate]) => rate),
      ['1', ...serials.map(() => '1.00000000000000000001')],
    )
  })

  it('one created object is not taken for the next', async () => {
    await store('first', '{"serial":9007199254740993}')
    await store('second', '{"serial":9007199254740992}')
    const error = await scripting.failure(`['first', 'second'].forEach(function (id) {
      openidm.create('managed/user', 'of-' + id, { serial: openidm.read('managed/user/' + id).serial })
    })`)
    assert.match(error.message, /^\/serial: a script cannot distinguish 9007199254740993 from 9007199254740992, /)
    assert.equal(await stored('of-first'), '{"serial":9007199254740993}')
  })

  it('an object that was changed meanwhile has the numbers that it has now', async () => {
    await store('changed', '{"rate":1.00000000000000000001}')
    await scripting.run(`openidm.read('managed/user/changed')
      openidm.update('managed/user/changed', null, { rate: 2 })
      openidm.patch('managed/user/changed', null, [{ operation: 'increment', field: '/rate', value: -1 }])
      var now = openidm.read('managed/user/changed')
      openidm.update('managed/user/changed', null, now)`)
    assert.equal(await stored('changed'), '{"rate":1}')
  })

  it('whatever was read, update leaves as it was', async () => {
    await store('any', '{}')
    await fc.assert(
      fc.asyncProperty(jsonObjectTexts, async (text) => {
        const content = { any: parseJson(text) }
        await scripting.router.handle(
          {
            method: 'update',
            resourcePath: 'managed/user/any',
            revision: null,
            content,
            fields: [],
            additionalParameters: {},
          },
          {},
        )
        await scripting.run("var u = openidm.read('managed/user/any'); openidm.update('managed/user/any', u._rev, u)")
        assert.equal(await stored('any'), `{"any":${text}}`)
      }),
      { numRuns: 100 },
    )
  })

  it('long numbers reach scripts as the nearest double', async () => {
    const seen = (await scripting.run('list.map(String)', {
      list: LONG_NUMBERS.map((text) => parseJson(text)),
    })) as Json[]
    const nearest = LONG_NUMBERS.map(Number).map((double) =>
      String(Number.isFinite(double) ? double : Math.sign(double) * Number.MAX_VALUE),
    )
    assert.deepEqual(seen, nearest)
  })
})

const withoutX = ({ x: _, ...others }: JsonObject): JsonObject => others
