import assert from 'node:assert/strict'
import { describeFault } from '../../lib/config/files/fault.ts'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { readResourcePath } from '../../lib/crest/http/request-path.ts'
import { type Connection, connect } from '../../lib/crest/protocol/connection.ts'
import { RouterFilters } from '../../lib/script/rest/filters.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { tempDirWith, writeAtomically } from '../helpers/files.ts'
import { js, type Scripting, startScripting } from './parts.ts'
import { configured } from './served.ts'

describe('router filters', () => {
  ownedBySuite()
  let scripting: Scripting
  let filters: RouterFilters
  let openidm: Connection

  let directory: string

  before(async () => {
    directory = await tempDirWith({})
    scripting = startScripting({ directories: [directory] })
    const { router, engine, log } = scripting
    filters = new RouterFilters({ router, scripts: engine, log })
    openidm = connect(router, {})
    router.add('fails', { read: () => Promise.reject(Object.assign(new Error('inner'), { code: 1 })) })
    router.add('echo', {
      action: async ({ content, action, additionalParameters }) => ({ content, action, additionalParameters }),
    })
  })

  afterEach(() => filters.apply([]))

  const apply = (...all: readonly JsonObject[]) => filters.apply([configured('router', { filters: all as Json[] })])

  it('may change a request', async () => {
    await apply({
      pattern: '^managed/user($|(/.+))',
      methods: ['create', 'update'],
      onRequest: js('request.content.seen = request.method; if (request.newResourceId) request.newResourceId += "2"'),
    })
    const created = await openidm.create('managed/user', 'a', { v: 1 })
    assert.deepEqual([created._id, created.v, created.seen], ['a2', 1, 'create'])
    assert.equal((await openidm.update('managed/user/a2', null, {})).seen, 'update')
    assert.equal(
      (await openidm.patch('managed/user/a2', null, [{ operation: 'add', field: 'x', value: 1 }])).seen,
      'update',
    )
    await openidm.delete('managed/user/a2', null)
  })

  it('may change every part of a request', async () => {
    await apply(
      {
        pattern: 'echo',
        onRequest: js('request.action = "other"; request.content = [1]; request.additionalParameters.p = 5'),
      },
      { pattern: 'here', onRequest: js('request.resourcePath = "managed/user"; request.queryFilter = "false"') },
      {
        pattern: 'managed/user/p',
        methods: ['patch'],
        onRequest: js('request.patchOperations[0].value = 2; request.fields = ["v"]'),
      },
    )
    assert.deepEqual(await openidm.action('echo', 'go', {}), {
      content: [1],
      action: 'other',
      additionalParameters: { p: '5' },
    })
    await openidm.create('managed/user', 'p', { v: 0, w: 0 })
    assert.equal((await openidm.query('here', { _queryFilter: 'true' })).resultCount, 0)
    const { _rev: _, ...patched } = await openidm.patch('managed/user/p', null, [
      { operation: 'replace', field: 'v', value: 1 },
    ])
    assert.deepEqual(patched, { _id: 'p', v: 2 })
    await openidm.delete('managed/user/p', null)
  })

  it('what it throws stops the request', async () => {
    await apply({
      methods: ['delete'],
      onRequest: js('throw { code: 403, message: "no " + request.method + " of " + resourcePath }'),
    })
    await openidm.create('managed/user', 'd', {})
    await assert.rejects(openidm.delete('managed/user/d', null), { code: 403, message: 'no delete of managed/user/d' })
    await filters.apply([])
    await openidm.delete('managed/user/d', null)
  })

  it('may change a response', async () => {
    await openidm.create('managed/user', 'r', { secret: 1, v: 1 })
    await apply({
      pattern: 'managed/.*',
      onResponse: js('(response.result || [response]).forEach(function (o) { delete o.secret; o.seen = true })'),
    })
    const { _rev, ...read } = (await openidm.read('managed/user/r')) ?? {}
    assert.deepEqual([typeof _rev, read], ['string', { _id: 'r', v: 1, seen: true }])
    const { result, resultCount } = await openidm.query('managed/user', { _queryFilter: 'true' })
    assert.deepEqual([resultCount, result[0]?.seen, result[0]?.secret, result[0]?._id], [1, true, undefined, 'r'])
    await openidm.delete('managed/user/r', null)
  })

  it('requests go down, responses come up', async () => {
    const mark = (name: string) => ({
      pattern: 'echo',
      onRequest: js(`request.content.push("${name} down")`),
      onResponse: js(`response.content.push("${name} up")`),
    })
    await apply(mark('one'), mark('two'))
    const { content } = (await openidm.action('echo', 'go', [])) as JsonObject
    assert.deepEqual(content, ['one down', 'two down', 'two up', 'one up'])
  })

  it('may say another failure', async () => {
    await apply({
      pattern: '.*',
      onFailure: js('if (exception.code === 404) throw { code: 410, message: exception.message + "!" }'),
    })
    await assert.rejects(openidm.update('managed/user/x', null, {}), { code: 410, message: 'Object x not found!' })
    await assert.rejects(openidm.read('fails'), { code: 500, message: 'Internal Server Error' })
  })

  it('its condition decides, for each request', async () => {
    await apply({ condition: js('request.content && request.content.v > 1'), onRequest: js('throw { code: 400 }') })
    await openidm.create('managed/user', 'c1', { v: 1 })
    await assert.rejects(openidm.create('managed/user', 'c2', { v: 2 }), { code: 400 })
    await filters.apply([])
    await openidm.delete('managed/user/c1', null)
  })

  it('its pattern stands for whole paths', async () => {
    await apply({ pattern: 'managed/user', onRequest: js('throw { code: 400 }') })
    assert.deepEqual(
      ['managed/user', 'managed/user/a'].map((path) => filters.covers(readResourcePath(path))),
      [true, false],
    )
    assert.equal(await openidm.read('managed/user/a'), null)
    await assert.rejects(openidm.query('managed/user', { _queryFilter: 'true' }), { code: 400 })
  })

  it('a filter that asks for what it filters ends in an error, not in a loop', async () => {
    await apply({ pattern: 'managed/.*', onRequest: js('openidm.read("managed/user/x")') })
    await assert.rejects(openidm.read('managed/user/x'), { message: 'Scripts call each other more than 8 levels deep' })
  })

  describe('one that cannot be run', () => {
    const MISSING = { type: 'text/javascript', file: 'gone.js' }
    const administrator = {
      security: {
        authenticationId: 'openidm-admin',
        authorization: { id: 'openidm-admin', component: 'internal/user', roles: ['internal/role/openidm-admin'] },
      },
    }

    before(() => {
      for (const name of ['config', 'info', 'health', 'information'])
        scripting.router.add(name, { action: async () => name })
    })

    it('at the start closes what it would see, and nothing else', async () => {
      await apply(
        { pattern: 'managed/user', methods: ['query'], onRequest: MISSING },
        { pattern: 'echo', onRequest: js('request.content = "seen"') },
      )
      const closed =
        /^A filter of this resource cannot be run: router\.json: filters\.0\.onRequest: .*gone\.js is in none/
      await assert.rejects(openidm.query('managed/user', { _queryFilter: 'true' }), { code: 503, message: closed })
      assert.equal(await openidm.read('managed/user/a'), null)
      assert.equal(((await openidm.action('echo', 'go')) as JsonObject).content, 'seen')
      const [fault] = filters.faults()
      assert.deepEqual([fault?.file, fault?.pointer], ['router.json', ['filters', '0', 'onRequest']])
      const told = scripting.log.messages('error').filter((message) => message.includes('gone.js'))
      assert.equal(told.length, 1)
      assert.ok(told[0]?.endsWith('; what it would see is refused with 503'))
    })

    it('leaves config, info and health to the administrator', async () => {
      const broken: readonly JsonObject[] = [{ onRequest: MISSING }, { pattern: '(' }, { onRequest: 5 }]
      for (const filter of broken) {
        await filters.apply([])
        await apply(filter)
        const own = connect(scripting.router, administrator)
        for (const name of ['config', 'info', 'health']) {
          assert.equal(await own.action(name, 'x'), name)
          await assert.rejects(openidm.action(name, 'x'), { code: 503 })
        }
        for (const path of ['information', 'echo']) await assert.rejects(own.action(path, 'x'), { code: 503 })
      }
      await filters.apply([])
      const { router, engine, log } = scripting
      for (const file of [configured('router'), configured('router', { filters: 5 })]) {
        const own = new RouterFilters({ router, scripts: engine, log })
        await own.apply([file])
        await assert.rejects(connect(router, administrator).action('echo', 'x'), { code: 503 })
        assert.equal(await connect(router, administrator).action('config', 'x'), 'config')
        await own.dispose()
      }
    })

    it('runs as soon as its file is there', async () => {
      await apply({ pattern: 'echo', onRequest: { type: 'text/javascript', file: 'late-filter.js' } })
      await assert.rejects(openidm.action('echo', 'go'), { code: 503 })
      await writeAtomically(`${directory}/late-filter.js`, 'request.content = "late"')
      assert.equal(((await openidm.action('echo', 'go')) as JsonObject).content, 'late')
      assert.deepEqual(filters.faults(), [])
    })

    it('after an edit leaves the last good one in force; its neighbours change', async () => {
      const answer = (text: string) => js(`request.content = (request.content || "") + "${text}"`)
      await apply({ pattern: 'echo', onRequest: answer('1') }, { pattern: 'e.*', onRequest: answer('2') })
      const content = async () => ((await openidm.action('echo', 'go', null)) as JsonObject).content
      assert.equal(await content(), '12')
      await apply({ pattern: 'echo', onRequest: js('(') }, { pattern: 'e.*', onRequest: answer('3') })
      assert.equal(await content(), '13')
      await apply({ pattern: '(', onRequest: answer('4') }, { pattern: 'e.*', onRequest: answer('5') })
      assert.equal(await content(), '15')
      await filters.apply([configured('router', { filters: 5 })])
      assert.equal(await content(), '15')
      await filters.apply([configured('router')])
      assert.equal(await content(), '15')
      await apply({ pattern: 'echo', onRequest: answer('6') })
      assert.equal(await content(), '6')
    })

    it('and is new in an edit closes what it would see', async () => {
      await apply({ pattern: 'echo', onRequest: js('request.content = 1') })
      await apply(
        { pattern: 'managed/.*', onRequest: js('(') },
        { pattern: 'echo', onRequest: js('request.content = 1') },
      )
      assert.equal(((await openidm.action('echo', 'go')) as JsonObject).content, 1)
      await assert.rejects(openidm.read('managed/user/a'), { code: 503 })
    })
  })

  it('no longer stand around anything once they are disposed of', async () => {
    const { router, engine, log } = scripting
    const own = new RouterFilters({ router, scripts: engine, log })
    await own.apply([configured('router', { filters: [{ pattern: 'echo', onRequest: js('throw { code: 400 }') }] })])
    await assert.rejects(openidm.action('echo', 'go'), { code: 400 })
    await own.dispose()
    assert.deepEqual(await openidm.action('echo', 'go', 1), { content: 1, action: 'go', additionalParameters: {} })
  })

  it('names the faults of its configuration', async () => {
    const good = { pattern: '^a($|(/.+))', methods: ['read'], onRequest: js('1') }
    assert.deepEqual(await filters.validate('router', { filters: [good] }), [])
    const cases: [filter: JsonObject, fault: RegExp, line?: number][] = [
      [{ pattern: '(' }, /^filters\.0\.pattern: must be a regular expression/],
      [{ methods: ['get'] }, /^filters\.0\.methods\.0: must be an array of create, read/],
      [{ onRequest: { type: 'groovy' } }, /^filters\.0\.onRequest: The script: Groovy is not supported/],
      [{ condition: 'x' }, /^filters\.0\.condition: must be a script/],
      [{ onFailure: js('1\n(') }, /^filters\.0\.onFailure: SyntaxError: .* at line number 2/, 2],
      [{ onResponse: { type: 'text/javascript', file: 'gone.js' } }, /^filters\.0\.onResponse: .* gone\.js is in none/],
    ]
    for (const [filter, message, line] of cases) {
      const [fault] = await filters.validate('router', { filters: [filter] })
      assert.match(fault ? describeFault(fault) : '', message)
      assert.equal(fault?.line, line)
    }
  })
})
