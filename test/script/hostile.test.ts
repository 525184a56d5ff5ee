import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { assertSince } from '../helpers/patience.ts'
import { js, limits, type Scripting, startScripting } from './parts.ts'

describe('hostile scripts', () => {
  ownedBySuite()
  let scripting: Scripting

  before(() => {
    scripting = startScripting({ limits: limits({ wallMs: 500, memoryBytes: 32 * 1024 * 1024 }) })
  })

  /** @param computeMs little where it is what ends the script, much where something else has to */
  function attack(what: string, source: string, message: RegExp, computeMs: number) {
    it(`${what} ends with a clear error`, async () => {
      const started = performance.now()
      const error = await scripting.failure(source, {}, { limits: { computeMs, wallMs: 5000 } })
      assert.match(error.message, message)
      assert.equal(error.code, 500)
      assertSince(started, 5000)
    })
  }

  const COMPUTED =
    /^The script test was stopped: it computed longer than 100 ms \(limits\.computeTime in conf\/script\.json\)$/
  const endless: readonly (readonly [what: string, source: string])[] = [
    ['a loop', 'while (true);'],
    ['a loop that catches', 'while (true) { try { while (true); } catch (e) {} finally { continue } }'],
    ['a loop in a getter of the result', '({ get a() { while (true); } })'],
    ['a loop in toJSON', '({ toJSON: function () { while (true); } })'],
    ['a loop in what is thrown', 'throw { get code() { while (true); } }'],
    ['a loop in a message', 'throw { code: 400, get message() { while (true); } }'],
    ['a loop of promises', '(function f() { return Promise.resolve().then(f) }())'],
    ['a loop in sort', '[1, 2, 3].sort(function () { while (true); })'],
    ['a loop in replace', '"aaa".replace(/a/g, function () { while (true); })'],
    ['a loop in a proxy', 'var p = new Proxy({}, { ownKeys: function () { while (true); } }); Object.keys(p)'],
    ['a regular expression', '/^(a+)+$/.test("a".repeat(40) + "b")'],
    ['memory that it gives back', 'while (true) { try { "x".repeat(1 << 29) } catch (e) {} }'],
    [
      'normalize, which nothing interrupts',
      'var s = "\\u1e9b\\u0323".repeat(300000); while (true) s.normalize("NFKD").length',
    ],
    [
      'a deep list as text, which nothing interrupts',
      'var n = []; for (var i = 0; i < 50000; i++) n = [n]; while (true) try { JSON.stringify(n) } catch (e) {}',
    ],
  ]
  for (const [what, source] of endless) attack(`endless: ${what}`, source, COMPUTED, 100)

  const DEEP = /nested too deeply$|stack overflow$|nested more than 500 levels deep$/
  const deep: readonly (readonly [what: string, source: string])[] = [
    ['recursion', '(function f() { return f() + 1 }())'],
    ['recursion through a native', '(function f() { return [1].map(f) }())'],
    ['recursion in a getter', 'var o = { get a() { return this.a } }; o.a'],
    ['recursion of a proxy', 'var p = new Proxy({}, { get: function () { return p.x } }); p.x'],
    ['recursion of eval', '(function f() { eval("f()") }())'],
    ['brackets', 'eval("[".repeat(50000))'],
    ['parentheses', 'eval("(".repeat(50000) + ")".repeat(50000))'],
    ['templates', 'eval("`$".concat("{").repeat(20000) + "}`".repeat(20000))'],
    ['JSON', 'JSON.parse("[".repeat(100000))'],
    ['a result', 'var a = []; for (var i = 0; i < 5000; i++) a = [a]; a'],
  ]
  for (const [what, source] of deep) attack(`deep: ${what}`, source, DEEP, 4000)

  const LARGE =
    /used more memory than allowed \(limits\.memoryMB in conf\/script\.json\)$|too long$|invalid string length$|is longer than [\d.]+(?: million)? characters \(limits\.transferMB in conf\/script\.json\)$|are handed over$/
  const large: readonly (readonly [what: string, source: string])[] = [
    ['a string of 1 GB', '"x".repeat(1024 * 1024 * 1024)'],
    ['a string of 512 MB', '"x".repeat(512 * 1024 * 1024)'],
    ['a string that doubles', 'var s = "x"; while (true) s += s'],
    ['a list of lists', 'var a = []; while (true) a.push(new Array(1000).fill(1))'],
    ['a buffer', 'new Uint8Array(1024 * 1024 * 1024)'],
    ['an endless generator', 'Array.from((function* () { while (true) yield {} }()))'],
    ['an object', 'var o = {}; for (var i = 0; ; i++) o["k" + i] = "v" + i'],
    ['a regular expression on long text', '/(?:a|b)*c/.test("ab".repeat(3000000))'],
    ['a result', 'var s = "x".repeat(6e6); [s, s, s]'],
    ['arguments', 'openidm.create("managed/user", null, { a: "x".repeat(17e6) })'],
  ]
  for (const [what, source] of large) attack(`large: ${what}`, source, LARGE, 4000)

  const ENDED =
    /^The script test was stopped: it (?:computed|took) longer than \d+ ms \(limits\.\w+ in conf\/script\.json\)$/
  const calling: readonly (readonly [what: string, source: string])[] = [
    ['reading', 'while (true) openidm.read("managed/user/x")'],
    ['what fails, and is caught', 'while (true) { try { openidm.update("managed/user/x", null, {}) } catch (e) {} }'],
    ['logging', 'while (true) logger.info("x")'],
  ]
  for (const [what, source] of calling) {
    it(`endless: ${what} ends with a clear error`, async () => {
      const error = await scripting.failure(source, {}, { limits: { computeMs: 300 } })
      assert.match(error.message, ENDED)
    })
  }

  it('too many calls end it, also when it catches', async () => {
    const source = 'while (true) { try { openidm.read("managed/user/x") } catch (e) {} }'
    const { message } = await scripting.failure(source, {}, { limits: { calls: 100 } })
    assert.equal(message, 'The script test was stopped: it made more than 100 calls (limits.calls in conf/script.json)')
  })

  it('waiting is no computing, and ends with the time it may take', async () => {
    scripting.router.add('never', { action: () => new Promise(() => undefined) })
    const { message } = await scripting.failure('openidm.action("never", "go")')
    assert.equal(
      message,
      'The script test was stopped: it took longer than 500 ms (limits.totalTime in conf/script.json)',
    )
  })

  it('an answer that is too long is an error that can be caught', async () => {
    scripting.router.add('long', { action: async () => 'x'.repeat(2000) })
    const source = 'try { openidm.action("long", "go") } catch (e) { [e.code, e.message] }'
    const value = await scripting.run(source, {}, { limits: { transferLength: 1000 } })
    assert.deepEqual(value, [500, 'The answer is longer than 1000 characters: ask for less at once'])
  })

  it('variables that are too long are refused', async () => {
    const { message } = await scripting.failure('1', { a: 'x'.repeat(2000) }, { limits: { transferLength: 1000 } })
    assert.equal(
      message,
      'The script test was stopped: its variables are longer than 1000 characters (limits.transferMB in conf/script.json)',
    )
  })

  describe('find nothing of the host', () => {
    /** Whatever they get hold of, its constructor makes functions inside only. */
    const escapes: readonly string[] = [
      'openidm.read.constructor("return typeof process")()',
      'openidm.constructor.constructor("return typeof process")()',
      'logger.info.constructor("return typeof process")()',
      'require.constructor("return typeof process")()',
      'identityServer.getProperty.constructor("return typeof process")()',
      'try { openidm.update("managed/user/x", null, {}) } catch (e) { e.constructor.constructor("return typeof process")() }',
      'try { openidm.update("managed/user/x", null, {}) } catch (e) { e.javaException.getCode.constructor("return typeof process")() }',
      'try { require("none") } catch (e) { e.constructor.constructor("return typeof process")() }',
      'try { (function f() { f() }()) } catch (e) { e.constructor.constructor("return typeof process")() }',
      'try { null.x } catch (e) { e.stack.constructor.constructor("return typeof process")() }',
      'Error.prepareStackTrace = function (e, s) { return s }; typeof (new Error().stack[0] || {}).getThis',
      '(function () { return typeof this.process }())',
      'typeof globalThis.process',
      'typeof WebAssembly',
      'typeof arguments.callee.caller',
      'typeof std + typeof os + typeof scriptArgs === "undefinedundefinedundefined" ? "undefined" : "found"',
    ]
    for (const source of escapes) {
      it(source, async () => {
        const found = await scripting.run(`try { ${source} } catch (e) { "undefined" }`)
        assert.ok(found === 'undefined', JSON.stringify(found))
      })
    }

    it('import is no way out', async () => {
      for (const source of ['import("node:fs")', 'import("./x.js")', 'import x from "node:fs"'])
        assert.doesNotMatch(String((await scripting.failure(source)).message), /ENOENT|loaded/)
    })

    it('prototypes that it changes change nothing outside, and not what the gateway gets', async () => {
      const source = `Object.prototype.polluted = 1; Array.prototype.toJSON = function () { return "x" }
        Object.prototype.toJSON = function () { return { code: 1 } }; Array.prototype.map = null
        JSON.stringify = function () { return '{"value":"forged"}' }; Promise = null; Symbol.iterator = null
        openidm.query("managed/user", { _queryFilter: "true" })`
      await scripting.run(source).catch(() => undefined)
      assert.equal(({} as Record<string, unknown>).polluted, undefined)
      assert.equal(await scripting.run('typeof ({}).polluted'), 'undefined')
    })

    it('what it makes of the functions that write its result hurts its own result only', async () => {
      const forgeries = [
        'Array.prototype[Symbol.iterator] = function* () { yield "forged" }; 1',
        'Array.prototype.toJSON = function () { return 5 }; require("lib/lodash"); 1',
        'String.prototype.toString = function () { return {} }; Object.prototype.thrown = { kind: "value", message: "forged" }; 1',
        'Array.prototype.push = function () { while (false); }; [].push(1); 1',
        'Object.defineProperty(Array.prototype, "0", { get: function () { return "forged" } }); [1]',
      ]
      for (const source of forgeries) await scripting.run(source).catch(() => undefined)
      const { engine, log } = scripting
      const expressions = forgeries.map((source) => `(function () { ${source.replace(/;([^;]*)$/, '; return $1')} }())`)
      for (const source of expressions) await engine.runMany(await engine.compile(js(source)), [{}, {}, {}])
      assert.equal(await scripting.run('[1, 2].map(String).join()'), '1,2')
      assert.deepEqual(log.messages('error'), [])
    })

    it('long lines do not pile up', async () => {
      const source = 'for (var i = 0; i < 20; i++) logger.info("x".repeat(5e5) + i)'
      await scripting.run(source, {}, { limits: { computeMs: 5000, wallMs: 10_000 } })
      assert.equal(scripting.log.messages('info').filter((line) => line.length > 5e5).length, 20)
      scripting.log.clear()
    })

    it('modules that are not there are forgotten', async () => {
      const source = 'for (var i = 0; i < 500; i++) try { require("none" + i) } catch (e) {} i'
      assert.equal(await scripting.run(source, {}, { limits: { wallMs: 5000 } }), 500)
      assert.equal(await scripting.run(source, {}, { limits: { wallMs: 5000 } }), 500)
    })

    it('a member __proto__ reaches no prototype on its way out and in', async () => {
      const source = `var sent = JSON.parse('{"__proto__": { "polluted": 1 }, "constructor": { "prototype": { "polluted": 1 }}}')
        openidm.create("managed/user", "p", sent)
        openidm.patch("managed/user/p", null, [{ operation: "add", field: "/__proto__/polluted", value: 2 }])
        openidm.read("managed/user/p")`
      const { _id, _rev, ...content } = (await scripting.run(source)) as JsonObject
      const expected = '{"__proto__":{"polluted":2},"constructor":{"prototype":{"polluted":1}}}'
      assert.equal(JSON.stringify(content), expected)
      assert.equal(Reflect.get({}, 'polluted'), undefined)
    })

    it('functions of the gateway that do not exist, or with wrong arguments, are refused', async () => {
      const { failure } = scripting
      assert.match((await failure('openidm.read(5)')).message, /resourceName: must be a string/)
      assert.match((await failure('openidm.read("a", "b")')).message, /params: must be an object or null/)
      assert.match(
        (await failure('openidm.read("a", null, "b")')).message,
        /fields: must be an array of strings or null/,
      )
      assert.match((await failure('openidm.read("a", null, [1])')).message, /fields: must be a string/)
      assert.match((await failure('openidm.update("a", 1, {})')).message, /rev: must be a string/)
      assert.match((await failure('openidm.action("a")')).message, /actionName: must be a string/)
      assert.match((await failure('openidm.create("managed/user", null, [])')).message, /not a JSON object/)
    })
  })

  it('leave a pool that works', async () => {
    assert.equal(await scripting.run('require("lib/lodash").sum([1, 2])'), 3)
    assert.deepEqual(scripting.log.messages('error'), [])
  })
})
