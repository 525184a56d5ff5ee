import assert from 'node:assert/strict'
import type { Json } from '../../lib/contract.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { js, type Scripting, startScripting } from './parts.ts'

describe('script engine', () => {
  ownedBySuite()
  let scripting: Scripting

  before(() => {
    scripting = startScripting()
  })

  const results: readonly (readonly [what: string, source: string, value: Json])[] = [
    ['the value of the last statement', '1; "two"; 1 + 2', 3],
    ['the value of a statement inside another', 'if (true) { "yes" } else { "no" }', 'yes'],
    ['what a function called in place returns', '(function () { return { a: [1, null] } }())', { a: [1, null] }],
    ['null for undefined', 'undefined', null],
    ['null for a function', '(function () {})', null],
    ['null for nothing', '', null],
    ['a date as text', 'new Date(0)', '1970-01-01T00:00:00.000Z'],
    ['the value of a promise', 'Promise.resolve(1).then(function (x) { return x + 1 })', 2],
    ['sloppy mode', 'x = 010; with ({ y: 1 }) { x + y }', 9],
    ['newer JavaScript', 'class A { #x = 1; get x() { return this.#x ?? 2 } }; [new A()?.x, ...[2]]', [1, 2]],
    ['text of any kind', '"\\u0000 ünï \\ud83d\\ude00 " + "a".length', '\u0000 ünï 😀 1'],
  ]
  for (const [what, source, value] of results) {
    it(`yields ${what}`, async () => assert.deepEqual(await scripting.run(source), value))
  }

  it('has variables, globals and members of the script as variables', async () => {
    const { engine } = scripting
    const script = await engine.compile(js('[a, b, c]', { globals: { a: 1, b: 1 }, c: 3 }))
    assert.deepEqual(await engine.run(script, { b: 2 }), [1, 2, 3])
  })

  it('may declare its variables anew in each run, and leaves nothing behind', async () => {
    const { engine } = scripting
    const source = `const seen = typeof left; var v = 1; left = 1
      String.prototype.left = 1; JSON.parse = null; openidm.left = 1; seen + typeof "".left + typeof openidm.left`
    const script = await engine.compile(js(source))
    for (let run = 0; run < 4; run++) {
      assert.equal(await engine.run(script, {}), 'undefinednumbernumber')
      assert.equal(await scripting.run('typeof left + typeof "".left + typeof openidm.left'), 'undefined'.repeat(3))
    }
  })

  it('draws other random numbers in each run', async () => {
    const draws = await Promise.all(Array.from({ length: 8 }, () => scripting.run('[Math.random(), Math.random()]')))
    const numbers = draws.flat() as number[]
    assert.equal(new Set(numbers).size, 16)
    assert.ok(numbers.every((number) => number >= 0 && number < 1))
  })

  it('gives back variables that the script changed in place, not what it put in their names', async () => {
    const { engine } = scripting
    const script = await engine.compile(js('object.a = 1; delete object.b; target = 5; "ignored"'))
    const { value, variables } = await engine.runAndRead(script, { object: { b: 1 }, target: { c: 1 } }, [
      'object',
      'target',
    ])
    assert.deepEqual([value, variables], ['ignored', { object: { a: 1 }, target: { c: 1 } }])
  })

  for (const type of [
    'javascript',
    'text/javascript;charset=utf-8',
    ' Text/JavaScript ; charset="UTF-8"',
    'ecmascript',
  ])
    it(`understands the type ${type}`, async () => {
      const { engine } = scripting
      assert.equal(await engine.run(await engine.compile({ type, source: '1' }), {}), 1)
    })

  describe('refuses', () => {
    const refusals: readonly (readonly [what: string, script: Json, message: RegExp])[] = [
      ['what is no object', 'x', /A script must be an object with "type" and "source" or "file"/],
      ['no type', { source: '1' }, /"type" must be "text\/javascript"/],
      ['Groovy', { type: 'groovy', source: '1' }, /Groovy is not supported, "type" must be "text\/javascript"/],
      ['Groovy by another name', { type: 'application/x-groovy', source: '1' }, /Groovy is not supported/],
      ['what only begins so', { type: 'javascripture', source: '1' }, /"type" must be/],
      ['neither source nor file', { type: 'text/javascript' }, /either "source" or "file" must be a string/],
      ['both source and file', js('1', { file: 'a.js' }), /either "source" or "file" must be a string/],
      ['globals that are no object', js('1', { globals: [] }), /"globals" must be an object/],
      ['a binding without a name', js('1', { resourceBindings: [{ resource: 'a' }] }), /each of "resourceBindings"/],
      [
        'a fault of syntax',
        js('var a = 1;\nvar b = (1 +;'),
        /^SyntaxError: .* in script at line number 2 at column number 13$/,
      ],
      ['a return outside of a function', js('return 1'), /return not in a function in script at line number 1/],
    ]
    for (const [what, script, message] of refusals) {
      it(what, () => assert.rejects(scripting.engine.compile(script), { code: 400, message }))
    }
  })

  describe('what is thrown', () => {
    const thrown: readonly (readonly [source: string, code: number, message: string, detail?: Json])[] = [
      ['throw { code: 403, message: "no", detail: { a: 1 }, other: 1 }', 403, 'no', { a: 1 }],
      ['throw { code: "404", message: "gone" }', 404, 'gone'],
      ['throw { code: 400 }', 400, 'Bad Request'],
      ['throw { code: 200, message: "odd" }', 500, 'odd'],
      ['throw { code: 99999, message: "odd" }', 500, 'odd'],
      ['throw { message: "no code" }', 500, 'no code'],
      ['throw "text"', 500, 'text'],
      ['throw null', 500, 'null'],
      ['throw new Error("boom")', 500, 'Error: boom'],
      ['null.x', 500, "TypeError: cannot read property 'x' of null"],
      ['nobody', 500, "ReferenceError: 'nobody' is not defined"],
      ['eval("(")', 500, "SyntaxError: unexpected token in expression: ''"],
      ['var e = new Error("with code"); e.code = 409; throw e', 409, 'with code'],
      ['throw { get code() { throw 1 } }', 500, 'the script threw a value that cannot be printed'],
      ['var o = {}; o.o = o; throw o', 500, 'the script threw a value that cannot be printed'],
    ]
    for (const [source, code, message, detail] of thrown) {
      it(source, async () => {
        const error = await scripting.failure(source)
        assert.deepEqual([error.code, error.message, error.detail], [code, message, detail])
      })
    }

    it('says the place to the log, and to callers where it is configured', async () => {
      const { cause, message } = await scripting.failure('function f() {\n  null.x }\nf()')
      assert.match((cause as Error).stack ?? '', /at f \(test:2:\d+\)\n\s+at <eval> \(test:3:\d+\)$/)
      assert.doesNotMatch(message, /line/)
      const { failure } = startScripting({ showPlaces: true })
      assert.match((await failure('\nnull.x')).message, /null in test at line number 2 at column number \d+$/)
    })
  })

  it('keeps a member __proto__ of a result as a member', async () => {
    const text = '{"__proto__":{"a":1}}'
    const value = await scripting.run(`JSON.parse('${text}')`)
    assert.equal(JSON.stringify(value), text)
    assert.equal(Reflect.get(value as object, 'a'), undefined)
  })

  it('says that a promise is settled by nothing', async () => {
    assert.match((await scripting.failure('new Promise(function () {})')).message, /a promise that is never settled/)
  })
})
