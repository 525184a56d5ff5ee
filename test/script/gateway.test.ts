import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { MemoryCollection } from '../../lib/crest/protocol/collection.ts'
import {
  ADMIN,
  ANONYMOUS,
  startGateway,
  type TestGateway,
  type TestGatewayOptions,
  withGateway,
} from '../gateway/parts.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { writeFiles } from '../helpers/files.ts'
import { until } from '../helpers/until.ts'
import { acceptsBasic, basic, startCrestServer } from '../remote/resource-parts.ts'
import { js } from './parts.ts'

const PLUGIN = join(import.meta.dirname, '../..')
/** As the vendor's page *Access data objects by remote proxy* has it. */
const SEED = "openidm.query('external/idm/platform/managed/user', {'_queryFilter': 'true'})"

async function startScripted(conf: NonNullable<TestGatewayOptions['conf']>): Promise<TestGateway> {
  const remote = await startCrestServer({ accepts: acceptsBasic, handlers: { 'managed/user': new MemoryCollection() } })
  return startGateway({ plugins: [PLUGIN], conf: { 'external.idm-platform.json': basic(remote), ...conf } })
}

const REMOTE_USER = '/external/idm/platform/managed/user'
const USER = { userName: 'amira', givenName: 'Amira', sn: 'Ortiz', mail: 'amira@example.com' }

describe('scripts in the gateway', () => {
  describe('of one project', () => {
    ownedBySuite()
    let gateway: TestGateway

    const post = (path: string, json: unknown, headers = ADMIN) => gateway.call(path, { method: 'POST', json, headers })
    const evaluate = async (source: string): Promise<Json> => {
      const { status, text } = await post('/script?_action=eval', js(source))
      assert.equal(status, 200, text)
      return JSON.parse(text) as Json
    }

    before(async () => {
      gateway = await startScripted({
        'endpoint-seed.json': js(
          `(function () { var r = ${SEED}; return request.method === "query" ? r.result : r }())`,
        ),
        'endpoint-file.json': { type: 'text/javascript', file: 'endpoints/file.js', globals: { max: 3 } },
        'router.json': {
          filters: [
            {
              pattern: '^external/idm/platform/managed/role($|(/.+))',
              onRequest: js('throw { code: 403, message: "no roles" }'),
            },
            {
              pattern: '^external/idm/platform/managed/user/filtered$',
              condition: js('context.caller.external === true'),
              onResponse: js('response.filtered = true; delete response.secret'),
            },
          ],
        },
        'managed.json': {
          objects: [
            {
              name: 'user',
              schema: { properties: { userName: { type: 'string' }, secret: { type: 'string', scope: 'private' } } },
              onCreate: js(
                `object.count = ${SEED}.resultCount; newObject.alias = resourceName; if (object.sn === "No") throw { code: 400, message: "no " + request.method }`,
              ),
              postCreate: js(
                'openidm.create("managed/note", object._id, { what: "created", rev: typeof object._rev, object: newObject })',
              ),
              onUpdate: js('object.changed = [oldObject.v, newObject.v, oldObject._id, typeof object.secret]'),
              postUpdate: js(
                'openidm.update("managed/note/" + object._id, null, { what: "updated", old: oldObject.v, now: object.v })',
              ),
              onValidate: js('if (value.v === "bad") throw { code: 403, message: "bad v" }'),
              onStore: js('object.stored = true'),
              onRead: js('object.read = object.userName + "!"'),
              onRetrieve: js('object.retrieved = object.v'),
              onDelete: js('if (object.v === "keep") throw { code: 409, message: "kept " + object._id }'),
              postDelete: js('openidm.delete("managed/note/" + oldObject._id, null)'),
              actions: {
                shout: js('object.userName = object.userName.toUpperCase() + request.content.mark; "ignored"'),
              },
            },
            { name: 'note' },
            {
              name: 'card',
              schema: {
                properties: {
                  code: {
                    type: 'string',
                    onValidate: js('if (property === "bad") throw { code: 403, message: "bad code" }'),
                    onStore: js('property && property.toUpperCase() + propertyName.length'),
                  },
                  label: { type: 'string', onRetrieve: js('object._id + ":" + object.code') },
                },
              },
            },
          ],
        },
      })
      await writeFiles(gateway.project.script, {
        'endpoints/file.js': '({ max: max, lib: require("lib/lodash").VERSION })',
      })
      const { status } = await post(`${REMOTE_USER}?_action=create&_id=r1`, { ...USER, secret: 1 })
      assert.equal(status, 201)
    })

    it("the vendor's line works as printed, from eval", async () => {
      const { result, resultCount } = (await evaluate(SEED)) as { result: JsonObject[]; resultCount: number }
      assert.deepEqual([resultCount, result[0]?.userName], [1, 'amira'])
    })

    it('and from an endpoint', async () => {
      const read = (await gateway.call('/endpoint/seed')).json as JsonObject
      assert.equal(read.resultCount, 1)
      const query = (await gateway.call('/endpoint/seed?_queryFilter=true')).json as { result: JsonObject[] }
      assert.equal(query.result[0]?._id, 'r1')
    })

    it('and from a hook of managed objects', async () => {
      const { status, json } = await post('/managed/user?_action=create&_id=h1', { userName: 'h1', v: 1 })
      const { count, alias, stored } = json as JsonObject
      assert.deepEqual([status, count, alias, stored], [201, 1, 'managed/user/h1', true])
    })

    it('endpoints find their files in the project', async () => {
      const { max, lib } = (await gateway.call('/endpoint/file')).json as JsonObject
      assert.deepEqual([max, typeof lib], [3, 'string'])
    })

    describe('hooks', () => {
      it('around create: may refuse, see what was stored', async () => {
        const refused = await post('/managed/user?_action=create', { userName: 'x', sn: 'No' })
        assert.deepEqual([refused.status, (refused.json as JsonObject).message], [400, 'no create'])
        await post('/managed/user?_action=create&_id=h2', { userName: 'h2', v: 1, secret: 's' })
        const note = (await gateway.call('/managed/note/h2')).json as JsonObject
        const { _id, userName, secret } = note.object as JsonObject
        assert.deepEqual([note.what, note.rev, _id, userName, secret], ['created', 'string', 'h2', 'h2', undefined])
      })

      it('around update and patch: see old and new, once for a change, not for none', async () => {
        const put = await gateway.call('/managed/user/h2', { method: 'PUT', json: { userName: 'h2', v: 2 } })
        assert.deepEqual((put.json as JsonObject).changed, [1, 2, 'h2', 'undefined'])
        const patch = [{ operation: 'replace', field: 'v', value: 3 }]
        await gateway.call('/managed/user/h2', { method: 'PATCH', json: patch })
        const note = async () => (await gateway.call('/managed/note/h2')).json as JsonObject
        const { what, old, now, _rev } = await note()
        assert.deepEqual([what, old, now], ['updated', 2, 3])
        await gateway.call('/managed/user/h2', { method: 'PATCH', json: patch })
        assert.equal((await note())._rev, _rev)
        const bad = await gateway.call('/managed/user/h2', {
          method: 'PATCH',
          json: [{ operation: 'replace', field: 'v', value: 'bad' }],
        })
        assert.deepEqual([bad.status, (bad.json as JsonObject).message], [403, 'bad v'])
      })

      it('around reading and querying change what is shown, not what is stored', async () => {
        const shown = (await gateway.call('/managed/user/h2')).json as JsonObject
        assert.deepEqual([shown.read, shown.retrieved], ['h2!', 3])
        const fields = (await gateway.call('/managed/user/h2?_fields=retrieved')).json as JsonObject
        assert.deepEqual(Object.keys(fields).sort(), ['_id', '_rev', 'retrieved'])
        const { json } = await gateway.call('/managed/user?_queryFilter=userName+eq+%22h2%22')
        const [found] = (json as { result: JsonObject[] }).result
        assert.deepEqual([found?.retrieved, found?.read], [3, undefined])
      })

      it('actions answer with their object', async () => {
        const { json } = await post('/managed/user/h2?_action=shout', { mark: '!' })
        assert.equal((json as JsonObject).userName, 'H2!')
        assert.equal(((await gateway.call('/managed/user/h2')).json as JsonObject).userName, 'h2')
        assert.equal((await post('/managed/user/h2?_action=none', {})).status, 400)
        assert.equal((await post('/managed/user/none?_action=shout', {})).status, 404)
      })

      it('around delete: may refuse, see what was there', async () => {
        await gateway.call('/managed/user/h2', {
          method: 'PATCH',
          json: [{ operation: 'replace', field: 'v', value: 'keep' }],
        })
        const kept = await gateway.call('/managed/user/h2', { method: 'DELETE' })
        assert.deepEqual([kept.status, (kept.json as JsonObject).message], [409, 'kept h2'])
        await gateway.call('/managed/user/h2', { method: 'PATCH', json: [{ operation: 'remove', field: 'v' }] })
        assert.equal((await gateway.call('/managed/user/h2', { method: 'DELETE' })).status, 200)
        assert.equal((await gateway.call('/managed/note/h2')).status, 404)
      })

      it('of single properties judge, store and show', async () => {
        const bad = await post('/managed/card?_action=create&_id=c1', { code: 'bad' })
        assert.deepEqual([bad.status, (bad.json as JsonObject).message], [403, 'bad code'])
        await post('/managed/card?_action=create&_id=c1', { code: 'abc' })
        const { code, label } = (await gateway.call('/managed/card/c1')).json as JsonObject
        assert.deepEqual([code, label], ['ABC4', 'c1:ABC4'])
        const { result } = (await gateway.call('/managed/card?_queryFilter=true&_fields=label')).json as {
          result: JsonObject[]
        }
        assert.deepEqual([result[0]?.label, result[0]?.code], ['c1:ABC4', undefined])
      })

      it('work for scripts as for clients', async () => {
        const source = `openidm.create("managed/user", "h3", { userName: "h3", v: 1 });
          openidm.update("managed/user/h3", null, { userName: "h3", v: 2 }).changed`
        assert.deepEqual(await evaluate(source), [1, 2, 'h3', 'undefined'])
      })
    })

    describe('router filters', () => {
      it('stand around proxied paths, however they are written', async () => {
        for (const path of ['role', 'role/x', 'rol%65', 'role?_queryFilter=true']) {
          const { status, json } = await gateway.call(`/external/idm/platform/managed/${path}`)
          assert.deepEqual([status, (json as JsonObject).message], [403, 'no roles'], path)
        }
        assert.equal((await gateway.call('/external/idm/platform/managed%2Frole/x')).status, 403)
      })

      it('and around calls from inside', async () => {
        const source = `try { openidm.query("external/idm/platform/managed/role", { _queryFilter: "true" }) } catch (e) { e.message }`
        assert.equal(await evaluate(source), 'no roles')
      })

      it('may change what a remote answers, for those outside only', async () => {
        await post(`${REMOTE_USER}?_action=create&_id=filtered`, { ...USER, secret: 1 })
        const outside = (await gateway.call(`${REMOTE_USER}/filtered`)).json as JsonObject
        assert.deepEqual([outside.filtered, outside.secret, outside.userName], [true, undefined, 'amira'])
        const inside = (await evaluate(`openidm.read("external/idm/platform/managed/user/filtered")`)) as JsonObject
        assert.deepEqual([inside.filtered, inside.secret], [undefined, 1])
      })

      it('leave other paths to the proxy', async () => {
        assert.equal((await gateway.call(`${REMOTE_USER}/r1`)).status, 200)
      })
    })

    it('only administrators evaluate', async () => {
      assert.equal((await post('/script?_action=eval', js('1'), ANONYMOUS)).status, 403)
    })

    it('logs under the name of the script', async () => {
      await evaluate('logger.info("hello {}", "log")')
      const [entry] = gateway.log.with('hello log')
      assert.deepEqual([entry?.level, entry?.script], ['info', 'script'])
    })

    // Nested suites run in their order, behind all tests of this one.
    describe('in the end', () => {
      it('takes limits and directories into force while it runs', async () => {
        const settings = { limits: { computeTime: '100 ms' }, sources: { own: { directory: 'other' } } }
        await writeFiles(gateway.project.dir, { 'other/own.js': '"own"', 'conf/script.json': settings })
        const file = { type: 'text/javascript', file: 'own.js' }
        await until(async () => (await post('/script?_action=eval', file)).status === 200)
        const { message } = (await post('/script?_action=eval', js('while (true);'))).json as JsonObject
        assert.equal(
          message,
          'The script script was stopped: it computed longer than 100 ms (limits.computeTime in conf/script.json)',
        )
      })

      it('stops with scripts under way', async () => {
        const settings = { stopTimeout: '100 ms' }
        await writeFiles(gateway.project.conf, { 'script.json': {}, 'gateway.json': settings })
        const endless = post('/script?_action=eval', js('logger.info("begun"); while (true);')).catch(() => undefined)
        await until(() => gateway.log.with('begun').length > 0)
        await gateway.gateway.stop()
        await endless
      })
    })
  })

  it('starts with a managed type whose hook is missing: its objects are read, not written', async () => {
    const missing = (file: string) => ({ type: 'text/javascript', file })
    const shown = { shown: { type: 'string' }, hidden: { type: 'string', onRetrieve: missing('gone-too.js') } }
    const objects = [
      { name: 'car', onCreate: missing('gone.js'), schema: { properties: shown } },
      { name: 'ship', onRetrieve: missing('gone.js') },
      { name: 'train' },
    ]
    const { project, gateway } = await startGateway({ conf: { 'managed.json': { objects: [{ name: 'car' }] } } })
    await gateway.connection.create('managed/car', 'a', { shown: 'x', hidden: 'y' })
    await gateway.stop()
    await writeFiles(project.conf, { 'managed.json': { objects } })
    await withGateway(project.dir, async (again) => {
      const write = async (path: string, method: string, json: unknown = {}) =>
        again(path, { method, ...(method !== 'DELETE' && { json }) })
      const reason = /managed\/car is closed: managed\.json: objects\.0\.onCreate: .*gone\.js is in none/
      for (const [path, method] of [
        ['/managed/car/b', 'PUT'],
        ['/managed/car?_action=create', 'POST'],
        ['/managed/car/a', 'PUT'],
        ['/managed/car/a', 'DELETE'],
      ] as const) {
        const { status, text } = await write(path, method)
        assert.equal(status, 503, `${method} ${path}: ${text}`)
        assert.match(text, reason)
      }
      assert.equal((await write('/managed/car/a', 'PATCH', [{ operation: 'remove', field: 'shown' }])).status, 503)
      const read = (await again('/managed/car/a')).json as JsonObject
      assert.deepEqual([read.shown, read.hidden], ['x', undefined])
      assert.equal((await again('/managed/car?_queryFilter=true')).status, 200)
      assert.equal((await again('/managed/ship?_queryFilter=true')).status, 503)
      assert.equal((await write('/managed/train/a', 'PUT')).status, 201)
      const faulty = (await again('/config')).json as { configurations: JsonObject[] }
      assert.match(
        String(faulty.configurations[0]?.error),
        /^managed\.json: objects\.0\.onCreate: .*; objects\.1\.onRetrieve: /,
      )
      await writeFiles(project.script, { 'gone.js': '1', 'gone-too.js': 'property' })
      assert.equal((await write('/managed/car/b', 'PUT', { hidden: 'z' })).status, 201)
      assert.equal(((await again('/managed/car/a')).json as JsonObject).hidden, 'y')
      assert.equal((await again('/managed/ship?_queryFilter=true')).status, 200)
      assert.equal(
        ((await again('/config')).json as { configurations: JsonObject[] }).configurations[0]?.error,
        undefined,
      )
    })
  })

  it('starts with a filter whose script is missing, and closes what the filter would see', async () => {
    const filters = [{ pattern: '^managed/role($|(/.+))', onRequest: { type: 'text/javascript', file: 'gone.js' } }]
    const { call, log } = await startGateway({ conf: { 'router.json': { filters } } })
    const refused = await call('/managed/role?_queryFilter=true')
    assert.equal(refused.status, 503)
    assert.match(refused.text, /router\.json: filters\.0\.onRequest: .*gone\.js is in none/)
    assert.equal((await call('/managed/user?_queryFilter=true')).status, 200)
    const { configurations } = (await call('/config')).json as { configurations: JsonObject[] }
    assert.match(String(configurations[0]?.error), /^router\.json: filters\.0\.onRequest: /)
    assert.equal(log.entries.filter(({ msg }) => String(msg).startsWith('router.json: ')).length, 1)
  })

  it('starts with a filter around everything that cannot be run: the administrator can repair it', async () => {
    const { call } = await startGateway({ conf: { 'router.json': { filters: [{ pattern: '(' }] } } })
    assert.equal((await call('/managed/user?_queryFilter=true')).status, 503)
    assert.equal((await call('/info/ping', { headers: ANONYMOUS })).status, 503)
    for (const path of ['/info/ping', '/health', '/health/ready', '/config'])
      assert.equal((await call(path)).status, 200, path)
    assert.equal((await call('/config/router', { method: 'PUT', json: { filters: [] } })).status, 200)
    assert.equal((await call('/managed/user?_queryFilter=true')).status, 200)
  })

  it('names an endpoint whose route is taken, and serves what was there', async () => {
    const js404 = js('({ mine: true })', { context: 'managed/user' })
    const conf = { 'endpoint-clash.json': js404, 'endpoint-good.json': js('({ mine: true })') }
    const { call } = await startGateway({ conf })
    assert.equal((await call('/managed/user?_queryFilter=true')).status, 200)
    assert.equal((await call('/endpoint/good')).status, 200)
    const { configurations } = (await call('/config')).json as { configurations: JsonObject[] }
    const errors = configurations.map(({ _id, error }) => [_id, error])
    assert.deepEqual(errors, [
      [
        'endpoint/clash',
        'endpoint-clash.json: context: must be a route that is free; "managed/user" is served already',
      ],
      ['endpoint/good', undefined],
    ])
  })
})
