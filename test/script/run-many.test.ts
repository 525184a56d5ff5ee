import assert from 'node:assert/strict'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { notFound } from '../../lib/crest/errors.ts'
import { connect } from '../../lib/crest/protocol/connection.ts'
import { WriteRecorder } from '../../lib/crest/protocol/recorder.ts'
import type { ReadRequest, RequestContext, Resource, ResourceHandler } from '../../lib/crest/protocol/request.ts'
import type { Limits } from '../../lib/script/limits.ts'
import type { ScriptOutcome } from '../../lib/script/main/engine.ts'
import type { ManyOptions } from '../../lib/script/main/service.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { js, type Scripting, startScripting } from './parts.ts'

const PATCH = 'openidm.patch("managed/user/shared", null, [{ operation: "replace", field: "/n", value: n }])'
const READ = 'openidm.read("managed/user/shared").n'

/** The value, or the message of what went wrong. */
const plain = (outcome: ScriptOutcome | undefined): Json | undefined =>
  outcome && ('error' in outcome ? outcome.error.message : outcome.value)

describe('many runs of one script', () => {
  ownedBySuite()
  let scripting: Scripting

  before(() => {
    scripting = startScripting()
  })

  const sources: readonly (readonly [what: string, source: string])[] = [
    ['an expression', 'source.a + " " + source.b'],
    ['an expression behind comments', '// c\n/* d */ source.a + " " + source.b ; '],
    ['a function called in place', '(function () { var a = source.a; return a + " " + source.b }())'],
    ['statements', 'var a = source.a; const b = source.b; if (a) { a + " " + b } else { "none" }'],
  ]
  const objects = Array.from({ length: 130 }, (_, i) => ({ source: { a: `a${i}`, b: 'b' } }))
  for (const [what, source] of sources) {
    it(`yields one value for each object: ${what}`, async () => {
      const outcomes = await scripting.engine.runMany(await scripting.engine.compile(js(source)), objects)
      assert.deepEqual(
        outcomes.map(plain),
        objects.map((_, i) => `a${i} b`),
      )
    })

    it(`sets the variables anew for each object: ${what}`, async () => {
      const script = await scripting.engine.compile(js(`${source}`, { globals: { source: { a: 'global', b: 'g' } } }))
      const outcomes = await scripting.engine.runMany(script, [{ source: { a: 1, b: 2 } }, {}, { other: 1 }])
      assert.deepEqual(outcomes.map(plain), ['1 2', 'global g', 'global g'])
    })
  }

  it('records for each run apart what its calls would write, through an endpoint too', async () => {
    const { engine, router } = scripting
    const connection = connect(router, {})
    await connection.create('managed/user', 'shared', { n: 'real' })
    router.add('endpoint/inner', {
      isScripted: true,
      action: async ({ content }, context) => engine.run(await engine.compile(js(PATCH)), { n: content }, { context }),
    })
    // An expression that may share a context with itself, and one that may not.
    for (const source of [`(${PATCH}, ${READ})`, `openidm.action("endpoint/inner", "x", n); if (true) ${READ}`]) {
      const variables = Array.from({ length: 300 }, (_, n) => ({ n: `run ${n}` }))
      const recorders = variables.map(() => new WriteRecorder())
      const outcomes = await engine.runMany(await engine.compile(js(source)), variables, { recorders, parallel: 2 })
      const expected = variables.map(({ n }) => n)
      assert.deepEqual(outcomes.map(plain), expected)
      const written = recorders.map(({ writes }) => writes.map(({ content }) => (content as JsonObject[])[0]?.value))
      assert.deepEqual(
        written,
        expected.map((n) => [n]),
      )
      assert.equal((await connection.read('managed/user/shared'))?.n, 'real')
    }
  })

  it('runs nothing for no objects', async () => {
    assert.deepEqual(await scripting.engine.runMany(await scripting.engine.compile(js('1')), []), [])
  })

  const failing: readonly (readonly [what: string, source: string])[] = [
    ['an expression', '(function () { if (v % 10 === 3) throw { code: 400, message: "bad " + v }; return v }())'],
    ['statements', 'if (v % 10 === 3) throw { code: 400, message: "bad " + v }; v'],
  ]
  for (const [what, source] of failing) {
    it(`one that throws leaves the others alone: ${what}`, async () => {
      const variables = Array.from({ length: 25 }, (_, v) => ({ v }))
      const outcomes = await scripting.engine.runMany(await scripting.engine.compile(js(source)), variables)
      assert.deepEqual(
        outcomes.map(plain),
        variables.map(({ v }) => (v % 10 === 3 ? `bad ${v}` : v)),
      )
    })
  }

  const endless: readonly (readonly [what: string, source: string])[] = [
    ['an expression', '(function () { while (v === 3 || v === 7); return v }())'],
    ['statements', 'while (v === 3 || v === 7); v'],
  ]
  for (const [what, source] of endless) {
    it(`one that does not end leaves the others alone: ${what}`, async () => {
      const { engine } = scripting
      const variables = Array.from({ length: 12 }, (_, v) => ({ v }))
      const outcomes = await engine.runMany(await engine.compile(js(source)), variables, { limits: { computeMs: 80 } })
      const stopped =
        'The script script was stopped: it computed longer than 80 ms (limits.computeTime in conf/script.json)'
      assert.deepEqual(
        outcomes.map(plain),
        variables.map(({ v }) => (v === 3 || v === 7 ? stopped : v)),
      )
    })
  }

  describe('limits hold for one run', () => {
    const many = async (source: string, count: number, own: Partial<Limits>, options: Partial<ManyOptions> = {}) => {
      const { engine } = scripting
      const script = await engine.compile(js(source))
      const variables = Array.from({ length: count }, (_, v) => ({ v }))
      return (await engine.runMany(script, variables, { ...options, limits: own })).map(plain)
    }
    const numbers = (count: number) => Array.from({ length: count }, (_, v) => v)

    const busy = '(function () { var t = Date.now(); while (Date.now() - t < 20); return v }())'
    for (const [what, source] of [
      ['in one context', busy],
      ['each in its own', `${busy}; v`],
    ] as const) {
      it(`their time together may be longer than the time of one: ${what}`, async () => {
        assert.deepEqual(await many(source, 30, { wallMs: 300, computeMs: 200 }), numbers(30))
      })
    }

    before(
      () =>
        void scripting.router.add(
          'slow',
          slow((id) => id === '3'),
        ),
    )
    const waiting = '(openidm.read("slow/" + v), v)'
    for (const [what, source] of [
      ['in one context', waiting],
      ['each in its own', `${waiting}; v`],
    ] as const) {
      it(`one that waits too long is ended alone: ${what}`, async () => {
        const outcomes = await many(source, 6, { wallMs: 150 })
        const ended = 'The script script was stopped: it took longer than 150 ms (limits.totalTime in conf/script.json)'
        assert.deepEqual(
          outcomes,
          numbers(6).map((v) => (v === 3 ? ended : v)),
        )
      })
    }

    it('waiting together may take longer than one may', async () => {
      scripting.router.add('late', late(60))
      assert.deepEqual(await many('(openidm.read("late/" + v), v)', 12, { wallMs: 400 }), numbers(12))
    })

    const calling = '(function () { for (var i = 0; i < (v === 2 ? 9 : 3); i++) openidm.isHashed(i); return v }())'
    for (const [what, source] of [
      ['in one context', calling],
      ['each in its own', `${calling}; v`],
      [
        'in one context, and it goes on all the same',
        '(function () { for (var i = 0; i < (v === 2 ? 9 : 3); i++) try { openidm.isHashed(i) } catch (e) {} return v }())',
      ],
    ] as const) {
      it(`one that calls too often is ended alone: ${what}`, async () => {
        const ended = 'The script script was stopped: it made more than 5 calls (limits.calls in conf/script.json)'
        assert.deepEqual(
          await many(source, 5, { calls: 5 }),
          numbers(5).map((v) => (v === 2 ? ended : v)),
        )
      })
    }

    it('results that are much together are no result that is too long', async () => {
      const results = await many('v + "x".repeat(400000)', 60, { transferLength: 500_000 })
      assert.deepEqual(
        results.map((result) => String(result).length),
        numbers(60).map((v) => 400_000 + String(v).length),
      )
    })

    it('a result that is too long is that of its object alone', async () => {
      const results = await many('"x".repeat(v === 3 ? 700000 : 10)', 6, { transferLength: 500_000 })
      const ended =
        'The script script was stopped: its result is longer than 500000 characters (limits.transferMB in conf/script.json)'
      assert.deepEqual(
        results,
        numbers(6).map((v) => (v === 3 ? ended : 'xxxxxxxxxx')),
      )
    })

    it('one after the other, or as many at a time as are asked for', async () => {
      const waits = meeting(8)
      scripting.router.add('meeting', waits.handler)
      assert.deepEqual(await many('(openidm.read("meeting/" + v), v)', 24, {}, { parallel: 8 }), numbers(24))
      assert.equal(waits.most(), 8)
      const single = meeting(1)
      scripting.router.add('alone', single.handler)
      await many('(openidm.read("alone/" + v), v)', 4, {})
      assert.equal(single.most(), 1)
    })
  })

  describe('large objects', () => {
    const MEGABYTE = 1024 * 1024
    const photo = 'p'.repeat(MEGABYTE)
    for (const [what, source] of [
      ['in one context', 'source.photo.length + n'],
      ['each in its own', 'var l = source.photo.length; l + n'],
      ['handed back in one context', 'source.photo'],
      ['handed back from each', 'var p = source.photo; p'],
    ] as const) {
      it(`40 of 1 MB are cut into batches: ${what}`, async () => {
        const script = await scripting.engine.compile(js(source))
        const variables = Array.from({ length: 40 }, (_, n) => ({ n, source: { photo } }))
        const outcomes = (await scripting.engine.runMany(script, variables)).map(plain)
        const expected = (n: number) => (what.startsWith('handed') ? photo : MEGABYTE + n)
        assert.ok(outcomes.every((outcome, n) => outcome === expected(n)))
      })
    }

    it('those of a batch do not share the memory of one', async () => {
      const wide = 'ж'.repeat(MEGABYTE)
      const script = await scripting.engine.compile(js('source.photo.length'))
      const variables = Array.from({ length: 7 }, () => ({ source: { photo: wide } }))
      const outcomes = await scripting.engine.runMany(script, variables, { limits: { memoryBytes: 28 * MEGABYTE } })
      assert.deepEqual(
        outcomes.map(plain),
        variables.map(() => MEGABYTE),
      )
    })

    it('one that is too large fails alone, and names the limit and its setting', async () => {
      const script = await scripting.engine.compile(js('source.photo.length'), 'mapping users')
      const variables = [1, 3, 1].map((size) => ({ source: { photo: photo.repeat(size) } }))
      const outcomes = await scripting.engine.runMany(script, variables, { limits: { transferLength: 2 * MEGABYTE } })
      const message = 'The script mapping users was stopped: its variables are longer than 2 million characters'
      assert.deepEqual(outcomes.map(plain), [MEGABYTE, `${message} (limits.transferMB in conf/script.json)`, MEGABYTE])
    })
  })

  describe('know nothing of each other', () => {
    const users = ['no', 'yes', 'no', 'no'].map((name) => ({ source: { name, isAdmin: name === 'yes' } }))
    const sources: readonly (readonly [what: string, source: string, values: readonly Json[]])[] = [
      [
        'a global that nobody declares',
        'source.isAdmin ? (lvl = "ADMIN") : (typeof lvl === "undefined" ? "user" : lvl)',
        ['user', 'ADMIN', 'user', 'user'],
      ],
      [
        'a changed prototype',
        '(function () { if (source.isAdmin) Array.prototype.indexOf = function () { return 7 }; return [1].indexOf(1) }())',
        [0, 7, 0, 0],
      ],
      [
        'a changed prototype under another name',
        '(function () { var A = Array.prototype; if (source.isAdmin) A.indexOf = function () { return 7 }; return [1].indexOf(1) }())',
        [0, 7, 0, 0],
      ],
      [
        'what eval leaves',
        '(function () { if (source.isAdmin) (0, eval)("lvl = 1"); return typeof lvl }())',
        ['undefined', 'number', 'undefined', 'undefined'],
      ],
      [
        'the global object',
        '(function () { if (source.isAdmin) this.lvl = 1; return typeof lvl }())',
        ['undefined', 'number', 'undefined', 'undefined'],
      ],
      [
        'a function of the gateway',
        '(function () { if (source.isAdmin) openidm.isHashed = function () { return 7 }; return openidm.isHashed(1) }())',
        [false, 7, false, false],
      ],
      [
        'a changed module',
        '(function () { var _ = require("lib/lodash"); if (source.isAdmin) _.first = function () { return 7 }; return _.first([1]) }())',
        [1, 7, 1, 1],
      ],
      ['what a module counts', 'require("lib/lodash").uniqueId()', ['1', '1', '1', '1']],
      [
        'what is settled later',
        'Promise.resolve().then(function () { return source.name })',
        ['no', 'yes', 'no', 'no'],
      ],
      [
        'a changed binding',
        '(function () { if (source.isAdmin) source = { name: "x" }; return source.name }())',
        ['no', 'x', 'no', 'no'],
      ],
    ]
    for (const [what, source, values] of sources)
      it(what, async () => {
        const outcomes = await scripting.engine.runMany(await scripting.engine.compile(js(source)), users)
        assert.deepEqual(outcomes.map(plain), values)
      })

    it('changed globals of the configuration', async () => {
      const source = '(function () { var n = counter.n; counter.n = 2; return n }())'
      const script = await scripting.engine.compile(js(source, { globals: { counter: { n: 1 } } }))
      assert.deepEqual((await scripting.engine.runMany(script, users)).map(plain), [1, 1, 1, 1])
    })

    it('a variable that has the name of something built in', async () => {
      const script = await scripting.engine.compile(js('typeof Math.PI'))
      const outcomes = await scripting.engine.runMany(script, [{}, { Math: { PI: 'x' } }, {}, { Math: {} }, {}])
      assert.deepEqual(outcomes.map(plain), ['number', 'string', 'number', 'undefined', 'number'])
    })
  })

  it('reads variables back, for each object its own', async () => {
    const script = await scripting.engine.compile(js('target.mail = source.mail; delete target.old'))
    const variables = [1, 2].map((n) => ({ source: { mail: `m${n}` }, target: { old: n } }))
    const outcomes = await scripting.engine.runMany(script, variables, { read: ['target'] })
    assert.deepEqual(
      outcomes.map((outcome) => 'variables' in outcome && outcome.variables),
      [{ target: { mail: 'm1' } }, { target: { mail: 'm2' } }],
    )
  })

  it('values that are promises are awaited', async () => {
    const script = await scripting.engine.compile(
      js('Promise.resolve(v).then(function (x) { if (x === 2) throw "two"; return x })'),
    )
    const outcomes = await scripting.engine.runMany(script, [{ v: 1 }, { v: 2 }, { v: 3 }])
    assert.deepEqual(outcomes.map(plain), [1, 'two', 3])
  })

  it('a result that cannot be printed is the error of its object', async () => {
    const script = await scripting.engine.compile(
      js('(function () { var o = { v: v }; if (v === 2) o.o = o; return o }())'),
    )
    const outcomes = await scripting.engine.runMany(script, [{ v: 1 }, { v: 2 }, { v: 3 }])
    assert.match(String(plain(outcomes[1])), /^TypeError: circular reference/)
    assert.deepEqual([plain(outcomes[0]), plain(outcomes[2])], [{ v: 1 }, { v: 3 }])
  })

  const notExpressions: readonly (readonly [source: string, value: Json])[] = [
    ['{ v: v }', 1],
    ['1) + (v', null],
    ['function f() { return 1 } f()', 1],
    ['var x = v', null],
    ['v\n;[v]', [1]],
    ['v // comment', 1],
    ['"use strict"; v', 1],
  ]
  for (const [source, value] of notExpressions) {
    it(`means the same as one run: ${JSON.stringify(source)}`, async () => {
      const { engine } = scripting
      const compiled = await engine.compile(js(source)).catch(() => null)
      if (compiled === null) return assert.equal(value, null)
      const outcomes = await engine.runMany(compiled, [{ v: 1 }, { v: 1 }])
      assert.deepEqual(outcomes.map(plain), [value, value])
      assert.deepEqual(await engine.run(compiled, { v: 1 }), value)
    })
  }

  it('may call openidm, and requires modules', async () => {
    const { engine } = scripting
    const script = await engine.compile(js('[openidm.read("managed/user/x"), require("lib/lodash").sum(v)]'))
    const outcomes = await engine.runMany(script, [{ v: [1, 2] }, { v: [3] }])
    assert.deepEqual(outcomes.map(plain), [
      [null, 3],
      [null, 3],
    ])
  })
})

/** Answers to no read of those ids until its caller is gone. */
function slow(isSlow: (id: string) => boolean): ResourceHandler {
  return {
    async read({ resourcePath }: ReadRequest, { signal }: RequestContext): Promise<Resource> {
      if (isSlow(resourcePath) && signal) await once(signal, 'abort')
      throw notFound('nobody')
    },
  }
}

/** Answers each read after a while. */
const late = (ms: number): ResourceHandler => ({
  async read(): Promise<Resource> {
    await delay(ms)
    throw notFound('nobody')
  },
})

/** Answers reads when as many as `count` are there, or the last ones. */
function meeting(count: number): { readonly handler: ResourceHandler; most(): number } {
  let waiting: (() => void)[] = []
  let most = 0
  const read = async (): Promise<Resource> => {
    const { promise, resolve } = Promise.withResolvers<void>()
    waiting.push(resolve)
    most = Math.max(most, waiting.length)
    if (waiting.length === count) {
      for (const go of waiting) go()
      waiting = []
    }
    await promise
    throw notFound('nobody')
  }
  return { handler: { read }, most: () => most }
}
