import assert from 'node:assert/strict'
import type { Ended } from '../../lib/script/guest/entry.ts'
import { libraryModule } from '../../lib/script/main/libraries.ts'
import { putBack, takeImage } from '../../lib/script/memory-image.ts'
import type { Outcome, PreparedContext } from '../../lib/script/protocol.ts'
import { compileQuickJs, type Engine } from '../../lib/script/quickjs.ts'
import { Sandbox } from '../../lib/script/worker/sandbox.ts'

const MEMORY = 64 * 1024 * 1024
const ITEM = JSON.stringify({ variables: {} })

const ended = (outcome: Outcome): Ended | undefined =>
  'ends' in outcome ? (JSON.parse(outcome.ends) as Ended[])[0] : undefined

describe('a sandbox', () => {
  let engine: Engine
  const create = () =>
    Sandbox.create({
      engine,
      host: {
        cross: (name) => JSON.stringify({ value: name }),
        interrupt: () => false,
        next: () => false,
        module: (name) => {
          const module = libraryModule(name)
          if (!module) throw new Error(`no ${name}`)
          return module
        },
      },
    })

  before(async () => {
    engine = await compileQuickJs()
  })

  /** Each leaves something behind in all the places that a script can reach. */
  const TRACES = [
    'left = 1; Object.prototype.left = 1; Array.prototype.push = null; JSON.stringify = null; Math.random = null',
    'var big = []; for (var i = 0; i < 1e4; i++) big.push({ i: i, s: "s" + i }); globalThis.big = big',
    'var e = []; for (var i = 0; i < 5000; i++) e.push(Symbol.for("left" + i)); e.length',
    'new RegExp("(left)").test("left"); RegExp.prototype.exec = null; Promise.prototype.then = null',
    'globalThis.gen = (function* () { while (true) yield Math.sin(1) }()); gen.next(); new Date(2020, 1, 1).getTimezoneOffset()',
    'null.x',
    '(',
  ]
  const LOOK = `[typeof left, typeof big, typeof gen, typeof ({}).left, typeof [].push, typeof JSON.stringify,
    typeof Promise.prototype.then, Object.getOwnPropertyNames(globalThis).sort().join(), typeof openidm.read]`

  it('is as new after each script', async () => {
    const look = (sandbox: Sandbox) => {
      sandbox.enter(undefined, MEMORY)
      return ended(sandbox.run(LOOK, 'look', ITEM))
    }
    const [used, fresh] = await Promise.all([create(), create()])
    const expected = look(fresh)
    assert.ok(expected && 'value' in expected)
    for (const trace of TRACES) {
      used.enter(undefined, MEMORY)
      used.run(trace, 'trace', ITEM)
      assert.deepEqual(look(used), expected, trace)
    }
    assert.equal(used.isBroken, false)
  })

  it('has contexts that fit other sandboxes', async () => {
    const [one, other] = await Promise.all([create(), create()])
    const context = one.prepare(['lib/lodash', 'lib/handlebars'], MEMORY) as PreparedContext
    const source = 'require("lib/lodash").sum([1, 2]) + require("lib/handlebars").compile("{{a}}")({ a: "!" })'
    for (const trace of TRACES) {
      other.enter(context, MEMORY)
      assert.deepEqual(ended(other.run(source, 'x', ITEM)), { value: '3!' })
      other.run(trace, 'trace', ITEM)
    }
  })

  it('has contexts of the same size, whatever ran before', async () => {
    const sandbox = await create()
    const sizes = TRACES.map((trace) => {
      const { image } = sandbox.prepare(['lib/lodash'], MEMORY) as PreparedContext
      sandbox.enter(undefined, MEMORY)
      sandbox.run(trace, 'trace', ITEM)
      return image.bytes.byteLength
    })
    assert.equal(new Set(sizes).size, 1)
  })

  it('that a fault has broken says so', async () => {
    const sandbox = await Sandbox.create({
      engine,
      host: {
        cross: () => {
          throw new RangeError('unreachable')
        },
        interrupt: () => false,
        next: () => false,
        module: () => assert.fail(),
      },
    })
    sandbox.enter(undefined, MEMORY)
    // What the host throws is thrown inside, and is no fault of the engine.
    assert.match(JSON.stringify(sandbox.run('openidm.read("x")', 'x', ITEM)), /RangeError: unreachable/)
    assert.equal(sandbox.isBroken, false)
  })
})

describe('an image of memory', () => {
  it('holds pages with something in them, and puts them back', () => {
    const memory = new ArrayBuffer(1024 * 1024)
    const bytes = new Uint8Array(memory)
    bytes[10] = 1
    bytes[600_000] = 2
    bytes[604_500] = 3
    const image = takeImage(memory)
    assert.deepEqual(image.ranges, [0, 262_144, 598_016, 8192])
    bytes.fill(9)
    putBack(image, memory)
    assert.deepEqual([bytes[10], bytes[11], bytes[600_000], bytes[604_500], bytes[604_501]], [1, 0, 2, 3, 0])
  })
})
