import assert from 'node:assert/strict'
import type { Json } from '../../lib/contract.ts'
import { forbidden } from '../../lib/crest/errors.ts'
import { MemoryCollection } from '../../lib/crest/protocol/collection.ts'
import { connect } from '../../lib/crest/protocol/connection.ts'
import type { ActionRequest, ResourceHandler } from '../../lib/crest/protocol/request.ts'
import { ScriptEngine } from '../../lib/script/main/engine.ts'
import { onCleanUp, ownedBySuite } from '../helpers/clean-up.ts'
import { acceptsBasic, basic, COLLECTION, startCrestServer, startGateway } from '../remote/resource-parts.ts'
import { js } from './parts.ts'

/** A collection with an action of its own, as managed objects of a remote are. */
class Users extends MemoryCollection implements ResourceHandler {
  readonly versions = ['1.0', '2.1']

  async action({ action, content, additionalParameters }: ActionRequest): Promise<Json | undefined> {
    if (action === 'nothing') return undefined
    if (action === 'echo') return { content, additionalParameters }
    throw forbidden('No such action', { detail: { action } })
  }
}

describe('openidm functions on a remote, through external/idm', () => {
  ownedBySuite()
  let run: (source: string) => Promise<Json>
  /** Each test has a user of its own. */
  let name = 0

  before(async () => {
    const url = await startCrestServer({ accepts: acceptsBasic, handlers: { 'managed/user': new Users() } })
    const { router, log } = await startGateway(basic(url))
    const engine = new ScriptEngine({ connect: (context) => connect(router, context), log })
    onCleanUp(() => engine.close())
    run = async (source) => engine.run(await engine.compile(js(source, { globals: { users: COLLECTION } })), {})
  })

  beforeEach(() => {
    name += 1
  })

  const id = () => `u${name}`
  const create = (more = '') => `openidm.create(users, "${id()}", { userName: "${id()}", n: 1 }${more})`

  it('create: the object with id and revision', async () => {
    const created = (await run(create())) as Record<string, Json>
    assert.deepEqual({ ...created, _rev: typeof created._rev }, { _id: id(), _rev: 'string', userName: id(), n: 1 })
    assert.equal(typeof (await run('openidm.create(users, null, {}, null, null)._id')), 'string')
    assert.equal(await run(`openidm.create(users, null, { _id: "own${id()}" })._id`), `own${id()}`)
  })

  it('create: 412 for an object that is there', async () => {
    assert.equal(await run(`${create()}; try { ${create()} } catch (e) { e.code }`), 412)
  })

  it('read: the object, the fields of it, or null', async () => {
    await run(create())
    const source = `var p = users + "/${id()}"
      var one = openidm.read(p, { _fields: "n" }); var two = openidm.read(p, null, ["n", "/userName"])
      ;[openidm.read(p).userName, one.n, one.userName, two, openidm.read(users + "/none")]`
    const [userName, n, absent, two, none] = (await run(source)) as Json[]
    assert.deepEqual([userName, n, absent, none], [id(), 1, null, null])
    assert.deepEqual(Object.keys(two as object).sort(), ['_id', '_rev', 'n', 'userName'])
  })

  it('read: the version of its API that is asked for', async () => {
    const source = (version: string) => `openidm.read(users + "/none", { "Accept-API-Version": "resource=${version}" })`
    assert.equal(await run(source('2.0')), null)
    assert.equal(
      await run(`${create()}; openidm.read(users + "/${id()}", { "Accept-API-Version": "resource=3.0" })`),
      null,
    )
    await assert.rejects(run(source('x')), { code: 400 })
  })

  it('read: throws for other errors', async () => {
    await assert.rejects(run('openidm.read("external/idm/eu/managed/user/a/../b")'), { code: 400 })
  })

  it('update: replaces the whole object, at the revision that is named', async () => {
    const source = `var c = ${create()}; var p = users + "/${id()}"
      var u = openidm.update(p, c._rev, { userName: "x" }); var v = openidm.update(p, null, { userName: "y" })
      ;[u.userName, u.n, v.userName, u._rev !== c._rev]`
    assert.deepEqual(await run(source), ['x', null, 'y', true])
  })

  it('update: 412 at another revision, 404 for what is not there', async () => {
    const source = `${create()}; var codes = []
      ;[["${id()}", "other"], ["none", null]].forEach(function (a) {
        try { openidm.update(users + "/" + a[0], a[1], {}) } catch (e) { codes.push(e.code) } }); codes`
    assert.deepEqual(await run(source), [412, 404])
  })

  it('patch: adds, removes, replaces, increments; what is absent is removed without a word', async () => {
    const source = `${create()}; var o = openidm.patch(users + "/${id()}", null, [
        { operation: "add", field: "/a", value: 1 }, { operation: "replace", field: "userName", value: "x" },
        { operation: "increment", field: "/n", value: 2 }, { operation: "remove", field: "/none" }])
      ;[o.a, o.userName, o.n]`
    assert.deepEqual(await run(source), [1, 'x', 3])
  })

  it('patch: 400 for an operation that there is not', async () => {
    await assert.rejects(
      run(`${create()}; openidm.patch(users + "/${id()}", null, [{ operation: "no", field: "a" }])`),
      {
        code: 400,
      },
    )
  })

  it('delete: the object as it was; 404 for what is not there', async () => {
    const source = `${create()}; var p = users + "/${id()}"; var d = openidm["delete"](p, null)
      try { openidm.delete(p, null) } catch (e) { [d.userName, openidm.read(p), e.code] }`
    assert.deepEqual(await run(source), [id(), null, 404])
  })

  it('query: six members, booleans and numbers as parameters', async () => {
    const source = `${create()}; var r = openidm.query(users, { _queryFilter: 'userName eq "${id()}"', _pageSize: 5, other: true }, ["userName"])
      ;[Object.keys(r).sort().join(), r.resultCount, r.result[0].userName, r.result[0].n, openidm.query(users, { _queryFilter: true, _pageSize: 1 }).result.length]`
    const members =
      'pagedResultsCookie,remainingPagedResults,result,resultCount,totalPagedResults,totalPagedResultsPolicy'
    assert.deepEqual(await run(source), [members, 1, id(), null, 1])
  })

  it('query: 400 for a filter that cannot be read, or none', async () => {
    await assert.rejects(run("openidm.query(users, { _queryFilter: 'userName eq' })"), { code: 400 })
    await assert.rejects(run("openidm.query(users, { _queryFilter: 'userName ne 1' })"), { code: 400 })
    await assert.rejects(run("openidm.query(users, { _queryFilter: '!userName pr' })"), { code: 400 })
    await assert.rejects(run('openidm.query(users, null)'), { code: 400 })
  })

  it('action: its answer, or null when it has none; additional parameters go along', async () => {
    const source = `[openidm.action(users, "echo", { a: 1 }, { p: 2 }), openidm.action(users, "nothing"), openidm.action(users, "echo", null, null, null)]`
    assert.deepEqual(await run(source), [
      { content: { a: 1 }, additionalParameters: { p: '2' } },
      null,
      { content: null, additionalParameters: {} },
    ])
  })

  it('action: what it refuses is thrown, with all that Rhino shows of it', async () => {
    const source = `try { openidm.action(users, "no") } catch (e) {
      [e.code, e.reason, e.message, e.detail, e.javaException.getCode(), e.javaException.getMessage(),
       e.javaException.getReason(), e.javaException.getDetail(), e instanceof Error, JSON.stringify(e)] }`
    const detail = { action: 'no' }
    const facts = [403, 'Forbidden', 'No such action', detail]
    const printed = '{"code":403,"reason":"Forbidden","detail":{"action":"no"}}'
    assert.deepEqual(await run(source), [...facts, 403, 'No such action', 'Forbidden', detail, true, printed])
  })

  it('a failure that nobody catches is the failure of the script', async () => {
    const error = { code: 403, message: 'No such action', detail: { action: 'no' } }
    await assert.rejects(run('openidm.action(users, "no")'), error)
    await assert.rejects(run('try { openidm.action(users, "no") } finally { 1 }'), error)
    await assert.rejects(run('try { openidm.action(users, "no") } catch (e) { throw e }'), error)
  })

  it('an argument behind the fields, such as a context, is accepted', async () => {
    const source = `var circle = {}; circle.circle = circle; openidm.read(users + "/none", null, null, circle)`
    assert.equal(await run(source), null)
  })

  it('an instance that is not there says nothing about objects: thrown', async () => {
    await assert.rejects(run('openidm.read("external/idm/nobody/managed/user/a")'), { code: 502 })
    await assert.rejects(run('openidm.query("external/idm/nobody/managed/user", { _queryFilter: "true" })'), {
      code: 502,
    })
  })
})
