import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { KeyRing } from '../../lib/config/values/crypto/crypto.ts'
import { parseKeys } from '../../lib/config/values/crypto/keys.ts'
import type { Json, JsonObject } from '../../lib/contract.ts'
import type { RequestContext } from '../../lib/crest/protocol/request.ts'
import { secretsOf } from '../../lib/script/main/secrets.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { js, type Scripting, startScripting } from './parts.ts'

const key = (id: string) => `${id}:${randomBytes(32).toString('base64')}`
const keys: KeyRing = parseKeys(`${key('first')},${key('second')}`, 'test')

describe('what scripts see', () => {
  ownedBySuite()
  let scripting: Scripting

  before(() => {
    scripting = startScripting({
      secrets: secretsOf(() => keys),
      server: {
        property: (name, substitute) => (name === 'port' ? `8080${substitute ? ' resolved' : ''}` : undefined),
        locations: { install: '/install', project: '/project', working: '/working' },
      },
    })
  })

  const values: readonly (readonly [source: string, value: Json])[] = [
    ['identityServer.getProperty("port")', '8080'],
    ['identityServer.getProperty("port", "9", true)', '8080 resolved'],
    ['identityServer.getProperty("none", "9")', '9'],
    ['identityServer.getProperty("none")', null],
    ['[identityServer.getInstallLocation(), identityServer.getProjectLocation()]', ['/install', '/project']],
    ['identityServer.getWorkingLocation()', '/working'],
    ['btoa("Zürich")', 'WvxyaWNo'],
    ['atob("WvxyaWNo")', 'Zürich'],
    ['["", "a", "ab", "abc", "abcd"].map(function (t) { return btoa(t) })', ['', 'YQ==', 'YWI=', 'YWJj', 'YWJjZA==']],
    ['["", "YQ==", "YWI", " YW Jj"].map(function (t) { return atob(t) })', ['', 'a', 'ab', 'abc']],
    [
      '["a", "a===", "€", "YQ=a"].map(function (t) { try { return atob(t) } catch (e) { return e.message } })',
      Array(4).fill('atob: the text is not base64'),
    ],
    ['try { btoa("€") } catch (e) { e.message }', 'btoa: the text has characters outside of Latin-1'],
    ['java.lang.System.getProperty("port")', '8080'],
    ['java.lang.System.getProperty("none", "9")', '9'],
    ['Packages.java.lang.System.getProperty("port")', '8080'],
    ['String(logger.info("x"))', 'null'],
    [
      'typeof process + typeof globalThis.require + typeof fetch + typeof setTimeout + typeof WebAssembly',
      'undefinedfunctionundefinedundefinedundefined',
    ],
  ]
  for (const [source, value] of values) {
    it(source, async () => assert.deepEqual(await scripting.run(source), value))
  }

  it('QueryFilter makes the filters that the query language knows', async () => {
    const source = `var F = org.forgerock.util.query.QueryFilter
      F.or(F.equalTo("/mail", 'a"b'), F.and(F.greaterThan("age", 5), F.not(F.present("/sn")), F.alwaysTrue())).toString()`
    const filter = await scripting.run(source)
    assert.equal(filter, '(/mail eq "a\\"b" or (/age gt 5 and !(/sn pr) and true))')
    assert.equal(
      await scripting.run('openidm.query("managed/user", { _queryFilter: f }).resultCount', { f: filter }),
      0,
    )
  })

  const javaNames: readonly (readonly [source: string, name: string])[] = [
    ['new java.util.ArrayList()', 'java.util.ArrayList'],
    ['java.util.UUID.randomUUID()', 'java.util.UUID'],
    ['Packages.com.example.Thing.make()', 'com.example.Thing'],
    ['String(org.apache.Codec)', 'org.apache.Codec'],
    ['Java.type("java.util.Map")', 'java.util.Map'],
    ['importPackage(java.util)', 'importPackage'],
    ['new JavaImporter(java.util)', 'JavaImporter'],
    ['java.lang.Runtime.getRuntime().exec("id")', 'java.lang.Runtime'],
  ]
  for (const [source, name] of javaNames) {
    it(`${source} is refused by name`, async () => {
      const { message } = await scripting.failure(source)
      assert.ok(
        message.startsWith(`Error: Java class ${name} is not available: scripts run in a JavaScript engine`),
        message,
      )
    })
  }

  it('logger fills each {} and writes at its level, under the name of the script', async () => {
    await scripting.run(
      'logger.warn("{} and {} and {}", "text", { a: [1] }, null, 5); logger.trace("{}", new Error("e")); logger.error("plain {}")',
    )
    const entries = scripting.log.entries.filter(({ details }) => details.script === 'test').slice(-3)
    assert.deepEqual(
      entries.map(({ level, message }) => [level, message]),
      [
        ['warn', 'text and {"a":[1]} and null'],
        ['trace', 'Error: e'],
        ['error', 'plain {}'],
      ],
    )
  })

  it('console.log prints a line', async () => {
    await scripting.run('console.log("a", { b: 1 }, 2)')
    assert.equal(scripting.printed.at(-1), 'a {"b":1} 2')
  })

  it('keeps every line, also of a script that is stopped', async () => {
    const { engine, printed } = scripting
    const script = await engine.compile(js('for (var i = 0; i < 1000; i++) console.log(i); while (true);'))
    const before = printed.length
    await assert.rejects(engine.run(script, {}, { limits: { computeMs: 300 } }), /computed longer/)
    assert.deepEqual(
      printed.slice(before),
      Array.from({ length: 1000 }, (_, i) => String(i)),
    )
  })

  describe('context', () => {
    const context: RequestContext = {
      transactionId: 'tx-1',
      security: {
        authenticationId: 'openidm-admin',
        authorization: { id: 'openidm-admin', component: 'internal/user', roles: ['internal/role/openidm-admin'] },
      },
      http: { method: 'GET', path: '/openidm/x', headers: { a: 'b' }, parameters: { c: 'd' }, remoteAddress: '::1' },
    }

    it('says who asks, and how', async () => {
      const source = `[context.security.authenticationId, context.security.authorization.roles[0], context.http.headers.a,
        context.http.parameters.c, context.caller.external, context.parent.parent.name, context.current.name]`
      assert.deepEqual(await scripting.run(source, {}, { context }), [
        'openidm-admin',
        'internal/role/openidm-admin',
        'b',
        'd',
        true,
        'http',
        'router',
      ])
    })

    it('has no http for calls from inside', async () => {
      const { http: _, ...inner } = context
      const source = '[context.http === undefined, context.caller.external, context.security.authorization.id]'
      assert.deepEqual(await scripting.run(source, {}, { context: inner }), [true, false, 'openidm-admin'])
    })
  })

  it('resourceBindings are variables with the openidm functions of a resource', async () => {
    const { engine, router } = scripting
    router.add('echo', {
      versions: ['1.0'],
      action: async (request) => ({
        action: request.action,
        version: request.resourceVersion ?? null,
        content: request.content,
      }),
      read: async ({ resourcePath }) => ({ id: resourcePath, revision: null, content: {} }),
    })
    const bind = (version: string) =>
      js('echo.action("go", { a: 1 })', { resourceBindings: [{ resource: 'echo', version, binding: 'echo' }] })
    assert.deepEqual(await engine.run(await engine.compile(bind('1.0')), {}), {
      action: 'go',
      version: '1.0',
      content: { a: 1 },
    })
    await assert.rejects(engine.run(await engine.compile(bind('2.0')), {}), { code: 404 })
    const read = js('e.read()', { resourceBindings: [{ resource: 'echo', binding: 'e' }] })
    assert.deepEqual(await engine.run(await engine.compile(read), {}), { _id: '' })
  })

  describe('secrets', () => {
    it('are encrypted and decrypted, wherever they are in an object', async () => {
      const source = `var c = openidm.encrypt({ a: "clear" }, null, null)
        var d = openidm.decrypt({ list: [c], other: 1 });
        [openidm.isEncrypted(c), openidm.isEncrypted("clear"), openidm.isHashed(c), JSON.stringify(c).indexOf("clear"), d]`
      assert.deepEqual(await scripting.run(source), [true, false, false, -1, { list: [{ a: 'clear' }], other: 1 }])
    })

    it('take the key that is named, else the first one', async () => {
      const source =
        '[openidm.encrypt("x", "AES/CBC/PKCS5Padding", "second"), openidm.encrypt("x", null, "idm.purpose")]'
      const values = (await scripting.run(source)) as JsonObject[]
      const ids = values.map(({ $crypto }) => (($crypto as JsonObject).value as JsonObject).keyId)
      assert.deepEqual(ids, ['second', 'first'])
    })

    for (const algorithm of ['SHA-256', 'SHA-512', 'PBKDF2', 'SCRYPT']) {
      it(`are hashed by ${algorithm}`, async () => {
        const options =
          algorithm === 'PBKDF2' ? '{ iterations: 1000 }' : algorithm === 'SCRYPT' ? '{ n: 1024 }' : 'null'
        const source = `var h = openidm.hash("pw", "${algorithm}", ${options});
          [openidm.isHashed(h), openidm.isEncrypted(h), openidm.matches("pw", h), openidm.matches("no", h)]`
        assert.deepEqual(await scripting.run(source), [true, false, true, false])
      })
    }

    const refusals: readonly (readonly [source: string, message: RegExp])[] = [
      ['openidm.decrypt("text")', /a string cannot be decrypted/],
      ['openidm.encrypt("a", "DES", null)', /the cipher must be one of AES/],
      ['openidm.hash("a", "BCRYPT")', /must be null or one of SHA-256, SHA-384, SHA-512, PBKDF2, SCRYPT/],
      ['openidm.hash("a", "SCRYPT", { n: 3e9 })', /"n" must be a whole number/],
      ['openidm.matches("a", "b")', /is not a salted hash/],
      ['openidm.decrypt({ $crypto: { type: "x-simple-encryption", value: { key: "no" } } })', /cipher/],
    ]
    for (const [source, message] of refusals) {
      it(`${source} is refused`, async () => assert.match((await scripting.failure(source)).message, message))
    }
  })
})
