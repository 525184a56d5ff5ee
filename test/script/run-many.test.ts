import assert from 'node:assert/strict'
import type { Json } from '../../lib/contract.ts'
import type { ScriptOutcome } from '../../lib/script/engine.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { js, type Scripting, startScripting } from './parts.ts'

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
      const stopped = 'The script script was stopped: it computed longer than 80 ms'
      assert.deepEqual(
        outcomes.map(plain),
        variables.map(({ v }) => (v === 3 || v === 7 ? stopped : v)),
      )
    })
  }

  it('has one end when the whole of it takes too long', async () => {
    const { engine } = scripting
    const script = await engine.compile(
      js('(function () { var t = Date.now(); while (Date.now() - t < 50); return v }())'),
    )
    const variables = Array.from({ length: 100 }, (_, v) => ({ v }))
    await assert.rejects(engine.runMany(script, variables, { limits: { wallMs: 200 } }), /it took longer than 200 ms/)
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
