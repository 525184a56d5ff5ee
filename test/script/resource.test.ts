import assert from 'node:assert/strict'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { addScriptResource } from '../../lib/script/rest/resource.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { tempDirWith } from '../helpers/files.ts'
import type { CallResponse } from '../helpers/http.ts'
import { patience } from '../helpers/patience.ts'
import { until } from '../helpers/until.ts'
import { js, type Scripting, startScripting } from './parts.ts'
import { ADMINISTRATOR, SOMEBODY, serve } from './served.ts'

describe('the resource script', () => {
  ownedBySuite()
  let post: (path: string, json: unknown) => Promise<CallResponse>
  let call: Awaited<ReturnType<typeof serve>>
  let caller = ADMINISTRATOR
  let scripting: Scripting

  before(async () => {
    const directory = await tempDirWith({ 'dir/file.js': 'offset + 1', 'broken.js': '\nvar = 1' })
    scripting = startScripting({ directories: [directory] })
    const { engine, router } = scripting
    addScriptResource(router, engine)
    call = await serve(router, () => caller)
    post = (path, json) => call(path, { method: 'POST', json })
  })

  const answers: readonly (readonly [body: JsonObject, value: Json])[] = [
    [js('1 + offset', { globals: { offset: 3 } }), 4],
    [js('"text"'), 'text'],
    [js('true'), true],
    [js('({ a: 1 })'), { a: 1 }],
    [js('[1, 2]'), [1, 2]],
    [js('null'), null],
    [js('undefined'), null],
    [js('a + b', { a: 1, globals: { b: 2 } }), 3],
    [{ type: 'text/javascript', file: 'dir/file.js', offset: 1 }, 2],
    [js('openidm.action("script", "eval", { type: "text/javascript", source: "6 * 7" })'), 42],
    [js('context.security.authenticationId + context.http.method'), 'openidm-adminPOST'],
  ]
  for (const [body, value] of answers) {
    it(`eval answers the bare value: ${body.source ?? body.file}`, async () => {
      const { status, text } = await post('script?_action=eval', body)
      assert.deepEqual([status, text], [200, JSON.stringify(value)])
    })
  }

  it('eval has the parameters of the request as variables', async () => {
    assert.equal((await post('script?_action=eval&x=a%20b&y=2', js('x + y'))).text, '"a b2"')
  })

  it('compile answers true, and runs nothing', async () => {
    const { status, text } = await post('script?_action=compile', js('throw "it ran"'))
    assert.deepEqual([status, text], [200, 'true'])
  })

  for (const action of ['eval', 'compile']) {
    it(`${action}: 400 with line and column for what does not compile`, async () => {
      const { status, json } = await post(`script?_action=${action}`, js('var a\nvar = 1'))
      const { message, ...rest } = json as JsonObject
      assert.deepEqual([status, rest], [400, { code: 400, reason: 'Bad Request' }])
      assert.match(String(message), /^SyntaxError: .* at line number 2 at column number 5$/)
      const file = await post(`script?_action=${action}`, { type: 'text/javascript', file: 'broken.js' })
      assert.match(String((file.json as JsonObject).message), / in broken\.js at line number 2 at column number 5$/)
    })
  }

  const failures: readonly (readonly [what: string, body: unknown, status: number, error: JsonObject])[] = [
    [
      'a status that it throws',
      js('throw { code: 418, message: "tea", detail: { pot: 1 } }'),
      418,
      { message: 'tea', detail: { pot: 1 } },
    ],
    ['500 for anything else', js('throw new Error("boom")'), 500, { message: 'Error: boom' }],
    [
      '404 that a function throws',
      js('openidm.update("managed/user/x", null, {})'),
      404,
      { message: 'Object x not found' },
    ],
    [
      '400 for Groovy',
      { type: 'groovy', source: '1' },
      400,
      { message: 'The script: Groovy is not supported, "type" must be "text/javascript"' },
    ],
    ['400 for no script', [], 400, { message: 'A script must be an object with "type" and "source" or "file"' }],
    [
      '400 for a file that is not there',
      { type: 'text/javascript', file: 'none.js' },
      400,
      { message: 'The script file none.js is in none of the script directories' },
    ],
  ]
  for (const [what, body, status, error] of failures) {
    it(`eval: ${what}`, async () => {
      const answer = await post('script?_action=eval', body)
      const { code, reason: _, ...rest } = answer.json as JsonObject
      assert.deepEqual([answer.status, code, rest], [status, status, error])
    })
  }

  it('400 for another action', async () => assert.equal((await post('script?_action=run', js('1'))).status, 400))

  it('501 for all other requests', async () => {
    const json = {}
    const requests = ['GET', 'DELETE'].map((method) => call('script', { method }))
    const others = [
      call('script/x', { method: 'PUT', json }),
      call('script', { method: 'PATCH', json: [] }),
      call('script?_queryFilter=true'),
      post('script/x?_action=eval', js('1')),
      post('script', js('1')),
    ]
    for (const { status, text } of await Promise.all([...requests, ...others])) assert.equal(status, 501, text)
  })

  it('a caller who leaves stops the script', async () => {
    const abort = new AbortController()
    const body = { method: 'POST', json: js('logger.info("begun"); while (true);'), signal: abort.signal }
    const gone = assert.rejects(call('script?_action=eval', body))
    await until(() => scripting.log.messages('info').includes('begun'))
    abort.abort()
    await gone
    await until(() => scripting.engine.load.scripts === 0, 'the script has ended', { timeoutMs: patience(2000) })
  })

  it('403 for everyone but administrators', async () => {
    caller = SOMEBODY
    try {
      for (const action of ['eval', 'compile'])
        assert.equal((await post(`script?_action=${action}`, js('1'))).status, 403)
    } finally {
      caller = ADMINISTRATOR
    }
  })
})
