import assert from 'node:assert/strict'
import { join } from 'node:path'
import { tempDirWith } from '../helpers/files.ts'
import { startScripting } from './parts.ts'

const js = (source: string, more: object = {}) => ({ type: 'text/javascript', source, ...more })

async function projectWith(files: Readonly<Record<string, unknown>>) {
  const dir = await tempDirWith(files)
  return { dir, ...startScripting({ directories: [join(dir, 'script'), dir] }) }
}

describe('load', () => {
  it('runs a file as if it stood in the script: what it declares is global', async () => {
    const { run, dir } = await projectWith({
      'script/access.js': 'var config = { n: seed + 1 }\nfunction double(x) { return x * 2 }',
      'script/dir/b.js': 'count = (typeof count === "number" ? count : 0) + 1',
    })
    assert.equal(await run('load("access.js"); double(config.n)', { seed: 1 }), 4)
    assert.equal(await run('load("script/access.js"); double(config.n)', { seed: 2 }), 6)
    assert.equal(await run(`load(${JSON.stringify(dir)} + "/script/access.js"); double(config.n)`, { seed: 3 }), 8)
    assert.deepEqual(await run('[load("dir/b"), load("dir/b"), count].pop()'), 2)
    assert.equal(await run('typeof config + typeof count'), 'undefinedundefined', 'nothing stays')
  })

  it('names what is missing, broken or elsewhere', async () => {
    const { failure } = await projectWith({ 'script/broken.js': 'var (', '../out.js': '1' })
    assert.match((await failure('load("none.js")')).message, /The script file none\.js is in none/)
    assert.match((await failure('load("broken.js")')).message, /SyntaxError/)
    for (const name of ['../out.js', '/etc/passwd', 'a/../../out.js'])
      assert.match(
        (await failure(`load(${JSON.stringify(name)})`)).message,
        /must not contain|must be relative|in none/,
      )
  })

  it('sees the variables of each of many runs', async () => {
    const { engine } = await projectWith({ 'script/n.js': 'var n = object.a + 1' })
    const script = await engine.compile(js('load("n.js"); n'))
    const outcomes = await engine.runMany(script, [{ object: { a: 1 } }, { object: { a: 2 } }])
    assert.deepEqual(
      outcomes.map((outcome) => 'value' in outcome && outcome.value),
      [2, 3],
    )
  })
})

describe('ResourcePath', () => {
  const values: readonly (readonly [source: string, value: unknown])[] = [
    ['P.valueOf("/internal/role/x/") + ""', 'internal/role/x'],
    ['P.valueOf("internal/role/x").startsWith("internal/role")', true],
    ['P.valueOf("internal/roles").startsWith("internal/role")', false],
    [
      '[P.resourcePath("a/b/c").leaf(), P.valueOf("a/b").size(), P.empty().isEmpty(), P.valueOf("a/b").get(0)]',
      ['c', 2, true, 'a'],
    ],
    [
      '[P.valueOf("a/b/c").parent(), P.valueOf("a").child("b"), P.valueOf("a/b/c").tail(1), P.valueOf("a/b/c").head(1)].map(String)',
      ['a/b', 'a/b', 'b/c', 'a'],
    ],
    ['[P.valueOf("a/b").equals("/a/b"), P.empty().parent()]', [true, null]],
    ['({ path: P.valueOf("a/b") })', { path: 'a/b' }],
  ]
  for (const [source, value] of values)
    it(source, async () => {
      const { run } = startScripting()
      assert.deepEqual(await run(`var P = org.forgerock.json.resource.ResourcePath; ${source}`), value)
    })
})

describe('a script that is to stay', () => {
  const files = {
    'script/good.js': 'exports.v = require("./dir/c").v + require("lib/lodash").size([]); return',
    'script/dir/c.js': 'exports.v = 1; exports.late = function () { return require("../none") }',
    'script/java.js': 'exports.id = function () {\n  return java.util.UUID.randomUUID() + ""\n}',
    'script/broken.js': 'var (',
    'script/one.js': 'require("two")',
    'script/two.js': 'require("one")',
  }
  const NONE = { code: 400 }
  const refusals: readonly (readonly [source: string, message: string])[] = [
    ['\nnew java.util.ArrayList()', 'Java class java.util.ArrayList is not available in x at line number 2'],
    ['if (false) Packages.com.acme.Thing.make()', 'Java class com.acme.Thing is not available in x at line number 1'],
    [
      'var U = org.forgerock.openidm.util.DateUtil',
      'Java class org.forgerock.openidm.util.DateUtil is not available in x at line number 1',
    ],
    [
      'require("none").x()',
      'require("none") in x at line number 1: The script file none.js is in none of the script directories',
    ],
    [
      'load("none.js")',
      'load("none.js") in x at line number 1: The script file none.js is in none of the script directories',
    ],
    [
      'require("java")',
      'require("java") in x at line number 1: Java class java.util.UUID is not available in java.js at line number 2',
    ],
    [
      'require("good")',
      'require("good") in x at line number 1: The script file none.js is in none of the script directories',
    ],
    [
      'load("good.js")',
      'load("good.js") in x at line number 1: SyntaxError: return not in a function in good.js at line number 1',
    ],
  ]
  for (const [source, message] of refusals)
    it(`is refused at once: ${source.trim()}`, async () => {
      const { engine } = await projectWith(files)
      await engine.compile(js(source), 'x')
      const error = await engine.compileWhole(js(source), 'x').then(
        () => assert.fail('it was taken'),
        (thrown: Error) => thrown,
      )
      assert.ok(error.message.startsWith(message), error.message)
      assert.deepEqual({ code: (error as unknown as { code: number }).code }, NONE)
    })

  const taken = [
    'java.lang.System.getProperty("a"); org.forgerock.util.query.QueryFilter.alwaysTrue()',
    'org.forgerock.json.resource.ResourcePath.valueOf("a/b")',
    'try { new java.util.ArrayList() } catch (e) { [] }',
    'try { require("none") } catch (e) {}',
    'var com = { Acme: 1 }; com.Acme',
    '(function (org) { return org.Name })({})',
    'source.java.Util; typeof java; source.com.Acme',
    'require("one"); require("lib/handlebars")',
    'require(name)',
    '"java.util.UUID" // java.util.UUID',
  ]
  for (const source of taken)
    it(`is taken: ${source}`, async () => {
      const { engine } = await projectWith(files)
      assert.ok(await engine.compileWhole(js(source)))
    })

  it('may have variables with the names of packages', async () => {
    const { engine } = await projectWith(files)
    assert.ok(await engine.compileWhole(js('org.Name', { globals: { org: { Name: 1 } } })))
  })

  it('is taken as soon as the file is there', async () => {
    const { engine, dir } = await projectWith({ 'script/x.js': '' })
    await assert.rejects(engine.compileWhole(js('require("late")')), NONE)
    const { writeFiles } = await import('../helpers/files.ts')
    await writeFiles(dir, { 'script/late.js': 'exports.v = 1' })
    assert.ok(await engine.compileWhole(js('require("late")')))
  })
})
