import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { tempDirWith, writeAtomically, writeFiles, writeInHalves } from '../helpers/files.ts'
import { cpuClock } from '../helpers/patience.ts'
import { until } from '../helpers/until.ts'
import { type Scripting, startScripting } from './parts.ts'

const file = (name: string) => ({ type: 'text/javascript', file: name })

describe('script modules', () => {
  describe('that come with the gateway', () => {
    ownedBySuite()
    let scripting: Scripting

    before(() => {
      scripting = startScripting()
    })

    const values: readonly (readonly [source: string, value: unknown])[] = [
      ['_.map([1, 2], function (x) { return x * 2 })', [2, 4]],
      ['_.pluck([{ a: 1 }, { a: 2 }], "a")', [1, 2]],
      ['_.contains([1, 2], 2)', true],
      ['_.where([{ a: 1, b: 2 }, { a: 2 }], { a: 1 })', [{ a: 1, b: 2 }]],
      ['_.findWhere([{ a: 1, b: 2 }], { b: 2 })', { a: 1, b: 2 }],
      ['[_.any([0, 1]), _.all([0, 1])]', [true, false]],
      ['_.first([1, 2])', 1],
      ['_.rest([1, 2, 3])', [2, 3]],
      ['_.pairs({ a: 1 })', [['a', 1]]],
      ['[_.object([["a", 1]]), _.object(["a"], [2]), _.zipObject(["a"], [3])]', [{ a: 1 }, { a: 2 }, { a: 3 }]],
      [
        '[_.max([1, 3, 2]), _.max([{ a: 1 }, { a: 3 }], "a"), _.min([{ a: 1 }, { a: 3 }], function (x) { return x.a })]',
        [3, { a: 3 }, { a: 1 }],
      ],
      ['_.sum([{ a: 1 }, { a: 3 }], "a")', 4],
      ['_.uniq([{ a: 1 }, { a: 1 }], "a")', [{ a: 1 }]],
      ['[_.omit({ a: 1, b: 2 }, function (v) { return v > 1 }), _.pick({ a: 1, b: 2 }, "a")]', [{ a: 1 }, { a: 1 }]],
      ['_.map([1], function (x) { return x + this.y }, { y: 1 })', [2]],
      ['_.indexBy([{ a: "x" }], "a")', { x: { a: 'x' } }],
      ['_.invoke([[2, 1]], "sort")', [[1, 2]]],
      ['var o = { a: { b: 1 } }; [_.clone(o, true).a === o.a, _.clone(o).a === o.a]', [false, true]],
      ['_.flatten([1, [2, [3]]], true)', [1, 2, 3]],
      [
        '_.merge({ a: [1] }, { a: [2] }, function (a, b) { return _.isArray(a) ? a.concat(b) : undefined })',
        { a: [1, 2] },
      ],
      ['_.isEqual({ a: 1 }, { a: 1 })', true],
      ['_.sortByOrder([{ a: 1 }, { a: 2 }], ["a"], ["desc"])', [{ a: 2 }, { a: 1 }]],
      ['[_.padLeft("a", 2, "-"), _.trunc("abcdef", 5)]', ['-a', 'ab...']],
      ['_([{ a: 1 }]).pluck("a").map(function (x) { return x + 1 }).value()', [2]],
      ['_.chain([{ a: 1 }]).where({ a: 1 }).pluck("a").first().value()', 1],
    ]
    for (const [source, value] of values) {
      it(source, async () => assert.deepEqual(await scripting.run(`var _ = require("lib/lodash"); ${source}`), value))
    }

    it('handlebars', async () => {
      const source = `var H = require("lib/handlebars"); H.registerHelper("up", function (x) { return x.toUpperCase() })
        H.compile("{{#each list}}{{up this}}{{/each}} {{{raw}}} {{raw}}")({ list: ["a", "b"], raw: "<i>" })`
      assert.equal(await scripting.run(source), 'AB <i> &lt;i&gt;')
    })

    it('are loaded once, and there at once for the next run, unchanged', async () => {
      const source = 'var _ = require("lib/lodash"); var was = typeof _.left; _.left = 1; was'
      for (let run = 0; run < 3; run++) assert.equal(await scripting.run(source), 'undefined')
    })
  })

  describe('of a project', () => {
    async function projectWith(files: Readonly<Record<string, unknown>>) {
      const dir = await tempDirWith(files)
      const directories = [join(dir, 'script'), dir]
      return { dir, ...startScripting({ directories }) }
    }

    it('are found in the directories in their order, by name, relative to each other, and run once', async () => {
      const { run } = await projectWith({
        'script/a.js':
          'exports.name = "first"; exports.b = require("./dir/b"); n = (typeof n === "number" ? n : 0) + 1',
        'script/dir/b.js': 'module.exports = [require("../c").name, require("dir/d.js").name, v]',
        'script/c.js': 'exports.name = "c"',
        'script/dir/d.js': 'exports.name = "d"; return',
        'a.js': 'exports.name = "second"',
        'only.js': 'exports.name = "only"',
      })
      const source = 'var a = require("a"); require("a"); [a.name, a.b, require("only").name, n]'
      for (let i = 0; i < 3; i++) assert.deepEqual(await run(source, { v: i }), ['first', ['c', 'd', i], 'only', 1])
    })

    it('see what runs, and may use openidm', async () => {
      const { run } = await projectWith({
        'script/m.js':
          'exports.count = function () { return [object.a, openidm.query("managed/user", { _queryFilter: "true" }).resultCount] }',
      })
      assert.deepEqual(await run('require("m").count()', { object: { a: 1 } }), [1, 0])
    })

    it('may need each other in a circle', async () => {
      const { run } = await projectWith({
        'script/a.js': 'exports.a = 1; exports.b = require("b").b',
        'script/b.js': 'exports.b = 2; exports.a = require("a").a',
      })
      assert.deepEqual(await run('[require("a"), require("b")]'), [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ])
    })

    it('name line and column of a fault', async () => {
      const { failure } = await projectWith({
        'script/broken.js': 'var a = 1;\nvar b = (1 +;',
        'script/late.js': '\n\n  null.x',
      })
      const syntax = await failure('require("broken")')
      assert.equal(syntax.message, "SyntaxError: unexpected token in expression: ';'")
      assert.match((syntax.cause as Error).stack ?? '', /broken\.js:2:13/)
      assert.match(((await failure('require("late")')).cause as Error).stack ?? '', /late\.js:3:\d+/)
    })

    it('are taken up when they change', async () => {
      const { dir, run } = await projectWith({
        'script/m.js': 'exports.v = 1',
        'script/n.js': 'exports.v = require("m").v',
      })
      const value = () => run('require("n").v')
      assert.deepEqual([await value(), await value()], [1, 1])
      await writeFiles(dir, { 'script/m.js': 'exports.v = 2' })
      await until(async () => (await value()) === 2)
    })

    it('are named when they are not UTF-8', async () => {
      const { failure } = await projectWith({ 'script/latin.js': Buffer.from('exports.name = "Ren\xe9"', 'latin1') })
      const { message } = await failure('require("latin")')
      assert.match(message, /The script file latin\.js cannot be read: it is not UTF-8 text/)
    })

    it('refuse names that are paths elsewhere', async () => {
      const { failure } = await projectWith({ 'script/a.js': '', '../b.js': 'exports.v = 1' })
      for (const name of ['/etc/passwd', '../b', 'a/../../b', 'a//b', 'dir/./b', '..\\b', 'C:/x', 'a\0b', '']) {
        const { message } = await failure(`require(${JSON.stringify(name)})`)
        assert.match(message, /must be relative|must not contain|would lie outside|must be the name/, name)
      }
    })

    it('do not follow a name out of their directory', async () => {
      const { failure } = await projectWith({ 'script/a.js': 'require("../../../x")' })
      assert.match((await failure('require("a")')).message, /would lie outside/)
    })
  })

  describe('as scripts', () => {
    async function withScript(content: string) {
      const dir = await tempDirWith({ 'script/endpoints/quota.js': content })
      const path = join(dir, 'script/endpoints/quota.js')
      const scripting = startScripting({ directories: [join(dir, 'script'), dir] })
      return { dir, path, ...scripting }
    }

    it('are found by both ways to name them', async () => {
      const { engine } = await withScript('resourcePath + 1')
      for (const name of ['endpoints/quota.js', 'script/endpoints/quota.js']) {
        assert.equal(await engine.run(await engine.compile(file(name)), { resourcePath: 1 }), 2)
      }
    })

    it('name line and column of a fault', async () => {
      const { engine } = await withScript('var a;\n  var = 1')
      const message = /in endpoints\/quota\.js at line number 2 at column number 7$/
      await assert.rejects(engine.compile(file('endpoints/quota.js')), { code: 400, message })
    })

    it('that are not there, or no JavaScript, are refused', async () => {
      const { engine } = await withScript('')
      const message = 'The script file none.js is in none of the script directories'
      await assert.rejects(engine.compile(file('none.js')), { code: 400, message })
      await assert.rejects(engine.compile(file('conf/x.json')), /must end with \.js/)
    })

    it('are taken up when they change, also from a directory that comes first', async () => {
      const dir = await tempDirWith({ 'a.js': '1', 'script/b.js': '' })
      const { engine } = startScripting({ directories: [join(dir, 'script'), dir] })
      const script = await engine.compile(file('a.js'))
      const becomes = (value: number) => until(async () => (await engine.run(script, {})) === value, `it is ${value}`)
      await writeAtomically(join(dir, 'a.js'), '2')
      await becomes(2)
      await writeFiles(dir, { 'script/a.js': '3' })
      await becomes(3)
      await rm(join(dir, 'script/a.js'))
      await becomes(2)
    })

    it('that no longer compile, or are gone, are told once, and stay as they were', async () => {
      const { engine, log, path } = await withScript('1')
      const script = await engine.compile(file('endpoints/quota.js'))
      await writeAtomically(path, '\n var = 1')
      const errors = await until(() => log.messages('error').length > 0 && log.messages('error'))
      assert.match(
        errors[0] ?? '',
        /^endpoints\/quota\.js: SyntaxError: .* at line number 2 at column number 6; what was in force stays$/,
      )
      assert.equal(await engine.run(script, {}), 1)
      await rm(path)
      await until(() => log.messages('error').some((message) => message.includes('none of the script directories')))
      assert.equal(await engine.run(script, {}), 1)
      await writeAtomically(path, '2')
      await until(async () => (await engine.run(script, {})) === 2)
      assert.equal(log.messages('error').length, 2)
    })

    it('that are being written are not taken up by halves', async () => {
      const { engine, log, path } = await withScript('"old"')
      const script = await engine.compile(file('endpoints/quota.js'))
      const seen = new Set<unknown>()
      const look = async () => seen.add(await engine.run(script, {}))
      await writeInHalves(path, `(function () { return "new" /*${'x'.repeat(1000)}*/ }())`, look)
      await until(async () => (await look()).has('new'))
      assert.deepEqual([[...seen], log.messages('error')], [['old', 'new'], []])
    })

    it('are not looked at again when it is configured so', async () => {
      const dir = await tempDirWith({ 'a.js': '1' })
      const { engine } = startScripting({ directories: [dir], watch: false })
      const script = await engine.compile(file('a.js'))
      await writeFiles(dir, { 'a.js': '2' })
      assert.equal(await engine.run(script, {}), 1)
      assert.equal(await engine.run(await engine.compile(file('a.js')), {}), 2)
    })

    it('are found where settings that changed say', async () => {
      const dir = await tempDirWith({ 'one/a.js': '1', 'two/a.js': '2' })
      const { engine } = startScripting({ directories: [join(dir, 'one')] })
      const script = await engine.compile(file('a.js'))
      assert.equal(await engine.run(script, {}), 1)
      await engine.configure({ directories: [join(dir, 'two')] })
      assert.equal(await engine.run(script, {}), 2)
    })
  })

  it('a script with many modules is as fast as one without', async () => {
    const { run } = startScripting()
    const source = 'require("lib/handlebars").VERSION + require("lib/lodash").VERSION'
    await run(source)
    const spent = cpuClock()
    for (let i = 0; i < 20; i++) await run(source)
    const each = spent() / 20
    // Loading both takes more than 50 ms.
    assert.ok(each < 25, `${each} ms`)
  })
})
