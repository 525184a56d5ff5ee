import assert from 'node:assert/strict'
import { describeFault, faultsIn } from '../../lib/config/files/fault.ts'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { connect } from '../../lib/crest/protocol/connection.ts'
import { customEndpoints } from '../../lib/script/rest/endpoints.ts'
import { tempDirWith, writeAtomically } from '../helpers/files.ts'
import { until } from '../helpers/until.ts'
import { js, startScripting } from './parts.ts'
import { configured, serve } from './served.ts'

/** What the script saw of its request, as its answer. */
const ECHO = `(function () {
  var seen = { method: request.method, resourcePath: request.resourcePath, same: resourcePath === request.resourcePath }
  var names = ["newResourceId", "content", "revision", "patchOperations", "action", "queryId", "queryExpression", "pageSize",
    "pagedResultsCookie", "pagedResultsOffset", "sortKeys", "additionalParameters", "fields"]
  names.forEach(function (name) { if (request[name] !== undefined) seen[name] = request[name] })
  if (request.queryFilter) seen.queryFilter = request.queryFilter.toString() + "|" + JSON.stringify(request.queryFilter)
  return request.method === "query" ? [seen, { _id: "second", _rev: "7" }] : seen
}())`

async function startEndpoints(options: Parameters<typeof startScripting>[0] = {}) {
  const scripting = startScripting(options)
  const { engine, router, log } = scripting
  const endpoints = customEndpoints({ router, scripts: engine, log })
  return { ...scripting, endpoints, call: await serve(router) }
}

describe('custom endpoints', () => {
  it('one script serves all methods', async () => {
    const { call, endpoints } = await startEndpoints()
    await endpoints.apply([configured('endpoint/echo', js(ECHO))])
    const seen = async (path: string, method = 'GET', json?: unknown, headers = {}): Promise<Json> => {
      const { text, status } = await call(`endpoint/echo${path}`, {
        method,
        ...(json !== undefined && { json }),
        headers,
      })
      assert.ok(status < 300, text)
      return JSON.parse(text) as Json
    }
    const common = { same: true, additionalParameters: {}, fields: [] }
    assert.deepEqual(await seen(''), { _id: '', ...common, method: 'read', resourcePath: '' })
    assert.deepEqual(await seen('/a/b?x=1&_fields=*'), {
      ...{ _id: '', ...common, method: 'read', resourcePath: 'a/b' },
      ...{ additionalParameters: { x: '1' }, fields: ['/*'] },
    })
    const content = { a: 1 }
    const create = { _id: '', ...common, method: 'create', resourcePath: '', newResourceId: 'new', content }
    assert.deepEqual(await seen('?_action=create&_id=new', 'POST', content), create)
    assert.deepEqual(await seen('/new', 'PUT', content, { 'if-none-match': '*' }), create)
    const update = { _id: '', ...common, method: 'update', resourcePath: 'a', content, revision: null }
    assert.deepEqual(await seen('/a', 'PUT', content), update)
    assert.deepEqual(await seen('/a', 'PUT', content, { 'if-match': '"3"' }), { ...update, revision: '3' })
    const whole = { _id: 'a', _rev: '3', a: 1 }
    assert.deepEqual(await seen('/a', 'PUT', whole), { ...update, content: whole })
    const patchOperations = [{ operation: 'replace', field: '/x', value: 1 }]
    const patch = { _id: '', ...common, method: 'patch', resourcePath: 'a', revision: null, patchOperations }
    assert.deepEqual(await seen('/a', 'PATCH', [{ operation: 'replace', field: 'x', value: 1 }]), patch)
    assert.deepEqual(await seen('/a', 'DELETE'), {
      _id: '',
      ...common,
      method: 'delete',
      resourcePath: 'a',
      revision: null,
    })
    const action = { ...common, method: 'action', resourcePath: '', action: 'go', content }
    assert.deepEqual(await seen('?_action=go', 'POST', content), action)
  })

  it('a query is answered with the list as it is', async () => {
    const { call, endpoints } = await startEndpoints()
    await endpoints.apply([configured('endpoint/echo', js(ECHO))])
    const path = 'endpoint/echo?_queryFilter=a+eq+"b"&_sortKeys=-x,y&_pageSize=5'
    const { json } = await call(path.replaceAll('"', '%22'))
    const { result, resultCount } = json as { result: JsonObject[]; resultCount: number }
    const { queryFilter, sortKeys, pageSize, queryId } = result[0] ?? {}
    assert.deepEqual([queryFilter, sortKeys, pageSize, queryId], ['/a eq "b"|"/a eq \\"b\\""', ['-/x', '+/y'], 5, null])
    assert.deepEqual([resultCount, result[1]], [2, { _id: 'second', _rev: '7' }])
    const byId = (await call('endpoint/echo?_queryId=q')).json as { result: JsonObject[] }
    assert.deepEqual([byId.result[0]?.queryFilter, byId.result[0]?.queryId], [undefined, 'q'])
  })

  const answers: readonly (readonly [source: string, status: number, body: Json])[] = [
    ['({ _id: "x", _rev: "1", a: 1 })', 200, { _id: 'x', _rev: '1', a: 1 }],
    ['({ _id: 5 })', 200, { _id: '5' }],
    ['null', 404, { code: 404, reason: 'Not Found', message: "Resource '' not found" }],
    ['"text"', 500, { code: 500, reason: 'Internal Server Error', message: 'The endpoint must yield a JSON object' }],
    ['[1]', 500, { code: 500, reason: 'Internal Server Error', message: 'The endpoint must yield a JSON object' }],
    [
      'throw { code: 404, message: "no such quota", detail: { q: 1 } }',
      404,
      { code: 404, reason: 'Not Found', message: 'no such quota', detail: { q: 1 } },
    ],
    [
      'throw { code: 500, message: request.method }',
      500,
      { code: 500, reason: 'Internal Server Error', message: 'read' },
    ],
  ]
  it('answers what its script yields or throws', async () => {
    const { call, endpoints } = await startEndpoints()
    await endpoints.apply(answers.map(([source], index) => configured(`endpoint/e${index}`, js(source))))
    for (const [index, [source, status, body]] of answers.entries()) {
      const answer = await call(`endpoint/e${index}`)
      assert.deepEqual([answer.status, answer.json], [status, body], source)
    }
  })

  it('a query needs a list; an action may answer anything', async () => {
    const { call, endpoints } = await startEndpoints()
    await endpoints.apply([
      configured('endpoint/e', js('request.action === "list" ? [1] : request.action ? null : "x"')),
    ])
    assert.equal((await call('endpoint/e?_queryFilter=true')).status, 500)
    const post = async (action: string) => (await call(`endpoint/e?_action=${action}`, { method: 'POST' })).text
    assert.deepEqual([await post('list'), await post('other')], ['[1]', 'null'])
  })

  it('its route is its name, or what "context" says', async () => {
    const { call, endpoints } = await startEndpoints()
    const at = (context: string) => js(`({ at: "${context}" })`, { context, apiDescription: {} })
    await endpoints.apply([
      configured('endpoint/named', js('({ at: "name" })')),
      configured('endpoint/a', at('endpoint/quota/*')),
      configured('endpoint/b', at('util/exact')),
    ])
    const where = async (path: string) => {
      const answer = await call(path)
      return answer.status === 200 ? (answer.json as JsonObject).at : answer.status
    }
    const paths = [
      'endpoint/named',
      'endpoint/named/x',
      'endpoint/quota',
      'endpoint/quota/',
      'endpoint/quota/x/y',
      'endpoint/a',
      'util/exact',
      'util/exact/x',
    ]
    const q = 'endpoint/quota/*'
    assert.deepEqual(await Promise.all(paths.map(where)), ['name', 'name', q, q, q, 404, 'util/exact', 404])
  })

  it('knows whether it is called from outside', async () => {
    const { call, endpoints, router } = await startEndpoints()
    await endpoints.apply([
      configured('endpoint/inner', js('({ external: context.caller.external, http: typeof context.http })')),
      configured('endpoint/outer', js('openidm.read("endpoint/inner")')),
    ])
    assert.deepEqual((await call('endpoint/inner')).json, { _id: '', external: true, http: 'object' })
    assert.deepEqual((await call('endpoint/outer')).json, { _id: '', external: false, http: 'undefined' })
    assert.deepEqual(await connect(router, {}).read('endpoint/inner'), { _id: '', external: false, http: 'undefined' })
  })

  it('comes, changes and goes with its configuration', async () => {
    const { call, endpoints, log } = await startEndpoints()
    const value = async () => {
      const answer = await call('endpoint/e')
      return answer.status === 200 ? (answer.json as JsonObject).v : answer.status
    }
    await endpoints.apply([configured('endpoint/e', js('({ v: 1 })'))])
    assert.equal(await value(), 1)
    await endpoints.apply([configured('endpoint/e', js('({ v: 2 })'))])
    assert.equal(await value(), 2)
    await endpoints.apply([configured('endpoint/e', js('({ v: '))])
    assert.equal(await value(), 2)
    assert.match(
      log.messages('error').join(),
      /^endpoint-e\.json: SyntaxError: .* in endpoint\/e at line number 1 .*; the last valid version stays in force$/,
    )
    await endpoints.apply([configured('endpoint/e')])
    assert.equal(await value(), 2)
    await endpoints.apply([])
    assert.equal(await value(), 404)
  })

  it('takes up its file when it changes', async () => {
    const directory = await tempDirWith({ 'quota.js': '({ v: max })' })
    const { call, endpoints } = await startEndpoints({ directories: [directory] })
    await endpoints.apply([
      configured('endpoint/q', { type: 'text/javascript', file: 'quota.js', globals: { max: 3 } }),
    ])
    const value = async () => ((await call('endpoint/q')).json as JsonObject).v
    assert.equal(await value(), 3)
    await writeAtomically(`${directory}/quota.js`, '({ v: max + 1 })')
    await until(async () => (await value()) === 4)
  })

  it('is served as soon as its file is there', async () => {
    const directory = await tempDirWith({})
    const { call, endpoints } = await startEndpoints({ directories: [directory] })
    await endpoints.apply([configured('endpoint/late', { type: 'text/javascript', file: 'late.js' })])
    const message = async () => ((await call('endpoint/late')).json as JsonObject).message
    assert.match(String(await message()), /The script file late\.js is in none of the script directories/)
    await writeAtomically(`${directory}/late.js`, '({ message: "there" })')
    assert.equal(await message(), 'there')
  })

  it('one that is broken does not keep others from serving', async () => {
    const { call, endpoints, log } = await startEndpoints()
    await endpoints.apply([
      configured('endpoint/a', js('(')),
      configured('endpoint/b', js('({})', { context: 'managed/user' })),
      configured('endpoint/c', js('({})')),
    ])
    const { status, json } = await call('endpoint/a')
    assert.match(String((json as JsonObject).message), /^The endpoint cannot be run: SyntaxError: .* at line number 1/)
    assert.deepEqual([status, (await call('endpoint/c')).status], [503, 200])
    assert.match(log.messages('error')[1] ?? '', /^endpoint-b\.json: context: .*; "managed\/user" is served already; /)
  })

  it('names the faults of its configuration', async () => {
    const { engine, router, log } = startScripting()
    const endpoints = customEndpoints({ router, scripts: engine, log })
    const faults = async (content: JsonObject) =>
      faultsIn({ file: 'endpoint-e.json' }, await endpoints.validate('endpoint/e', content)).map(describeFault)
    assert.deepEqual(await faults(js('1')), [])
    assert.deepEqual(await faults({ type: 'groovy', source: '1' }), [
      'The script: Groovy is not supported, "type" must be "text/javascript"',
    ])
    const path = 'context: must be a path such as "endpoint/quota/*"'
    for (const context of ['/a//b', '*']) assert.deepEqual(await faults(js('1', { context })), [path])
    assert.match((await faults(js('1\n(')))[0] ?? '', /^SyntaxError: .* in endpoint\/e at line number 2/)
    router.add('taken', {})
    assert.match((await faults(js('1', { context: 'taken/*' })))[0] ?? '', /^context: .* "taken" is served already$/)
  })
})
