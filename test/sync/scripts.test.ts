import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { type Connection, connect } from '../../lib/crest/protocol/connection.ts'
import { ResourceRouter } from '../../lib/crest/protocol/router.ts'
import { DEFAULT_LIMITS } from '../../lib/script/limits.ts'
import { ScriptEngine } from '../../lib/script/main/engine.ts'
import type { Scripts } from '../../lib/sync/mapping/scripts.ts'
import { scriptRunner } from '../../lib/sync/mapping/scripts.ts'
import { onCleanUp, ownedBySuite } from '../helpers/clean-up.ts'
import { type Stage, silent, startStage } from './parts.ts'

const js = (source: string): JsonObject => ({ type: 'text/javascript', source })

describe('scripts of a mapping', () => {
  ownedBySuite()
  let scripts: Scripts
  let connection: Connection = connect(new ResourceRouter(), {})
  const printed: string[] = []
  before(() => {
    const engine = new ScriptEngine({
      connect: () => connection,
      print: (line) => printed.push(line),
      log: silent,
    })
    onCleanUp(() => engine.close())
    scripts = scriptRunner(engine)
  })
  beforeEach(() => {
    printed.length = 0
  })

  async function stage(mapping: JsonObject): Promise<Stage> {
    const started = await startStage({ mapping, scripts })
    connection = started.connection
    return started
  }

  const targets = async ({ connection }: Stage) => (await connection.query('b', { _queryFilter: 'true' })).result

  it('transform, and what a condition leaves alone; a missing value becomes the default', async () => {
    const world = await stage({
      properties: [
        { source: 'name', target: 'name', transform: js('source.toUpperCase()') },
        { source: '', target: 'both', transform: js('source.name + "/" + linkQualifier') },
        { source: 'mail', target: 'mail', condition: '/object/mail pr' },
        { source: 'mail', target: 'deep/mail', condition: js('object.name === "two"'), default: 'none' },
      ],
    })
    await world.put('a', '1', { name: 'one', mail: 'a@x' })
    await world.put('a', '2', { name: 'two' })
    assert.deepEqual((await world.run()).statusSummary, { SUCCESS: 2, FAILURE: 0 })
    const objects = (await targets(world)).map(({ _id, _rev, ...content }) => content)
    assert.deepEqual(objects, [
      { name: 'ONE', both: 'one/default', mail: 'a@x' },
      { name: 'TWO', both: 'two/default', deep: { mail: 'none' } },
    ])
  })

  it('a condition of a property that yields neither true nor false does not hold', async () => {
    const world = await stage({
      properties: [
        { source: 'name', target: 'name' },
        ...['"yes"', '1', '({})', 'null', 'undefined'].map((value, index) => ({
          source: 'name',
          target: `t${index}`,
          condition: js(value),
        })),
        { source: 'name', target: 'held', condition: js('true') },
      ],
    })
    await world.put('a', '1', { name: 'one' })
    assert.deepEqual((await world.run()).statusSummary, { SUCCESS: 1, FAILURE: 0 })
    const objects = (await targets(world)).map(({ _id, _rev, ...content }) => content)
    assert.deepEqual(objects, [{ name: 'one', held: 'one' }])
  })

  for (const condition of ['validSource', 'sourceCondition'])
    it(`${condition} that yields neither true nor false fails the source: it is not taken for unqualified`, async () => {
      const world = await stage({
        [condition]: js('"yes"'),
        policies: [{ situation: 'UNQUALIFIED', action: 'DELETE' }],
      })
      await world.put('a', '1', { name: 'one' })
      await world.put('b', 't', { name: 'one' })
      assert.match((await world.entries(await world.run()))['1'] ?? '', /FAILURE$/)
      assert.deepEqual(await world.ids('b'), ['t'])
    })

  it('nobody correlates by a field whose property has a script as its condition', async () => {
    const properties: JsonObject[] = [
      { source: 'name', target: 'name', condition: js('true') },
      { source: 'mail', target: 'mail' },
    ]
    const correlated = async (expressionTree: Record<string, string[]>) => {
      const world = await stage({ properties, correlationQuery: { expressionTree }, correlateEmptyTargetSet: true })
      await world.put('a', '1', { name: 'one', mail: 'm' })
      await world.put('b', 't', { name: 'one', mail: 'm' })
      const [entry] = Object.values(await world.entries(await world.run({ analyze: true })))
      return entry?.split(' ')[0]
    }
    assert.equal(await correlated({ any: ['name'] }), 'ABSENT')
    assert.equal(await correlated({ all: ['name', 'mail'] }), 'ABSENT')
    assert.equal(await correlated({ any: ['name', 'mail'] }), 'FOUND')
  })

  it('limits hold for one object: a run may take much longer', async () => {
    const short = new ScriptEngine({
      connect: () => connection,
      limits: { ...DEFAULT_LIMITS, wallMs: 300, computeMs: 100 },
      log: silent,
    })
    onCleanUp(() => short.close())
    const busy = 'var t = Date.now(); while (Date.now() - t < 10); openidm.read("b/none") === null'
    const world = await startStage({ mapping: { validSource: js(busy) }, scripts: scriptRunner(short) })
    connection = world.connection
    const ids = Array.from({ length: 60 }, (_, index) => `${index}`)
    for (const id of ids) await world.put('a', id, { name: `n${id}` })
    assert.deepEqual((await world.run()).statusSummary, { SUCCESS: 60, FAILURE: 0 })
  })

  it('40 sources with photos of 1 MB and a script for each', async () => {
    const photo = 'p'.repeat(1024 * 1024)
    const world = await stage({
      properties: [
        { source: 'name', target: 'name' },
        { source: '', target: 'size', transform: js('source.photo.length') },
        { source: '', target: 'again', transform: js('var size = source.photo.length; size') },
      ],
    })
    for (let index = 0; index < 40; index++) await world.put('a', `${index}`, { name: `n${index}`, photo })
    assert.deepEqual((await world.run()).statusSummary, { SUCCESS: 40, FAILURE: 0 })
    assert.ok((await targets(world)).every(({ size, again }) => size === photo.length && again === photo.length))
  })

  it('conditions see the target as the properties before them have made it, and as it was', async () => {
    const world = await stage({
      properties: [
        { source: 'name', target: 'name' },
        { source: 'mail', target: 'mail' },
        { source: 'mail', target: 'first', condition: js('oldTarget === null') },
        { source: 'name', target: 'wasOld', condition: '/oldTarget/mail eq "old"' },
        { source: 'name', target: 'isNew', condition: '/target/mail eq "new"' },
      ],
    })
    await world.put('a', '1', { name: 'one', mail: 'old' })
    await world.run()
    await world.connection.update('a/1', null, { name: 'one', mail: 'new' })
    await world.run()
    const objects = (await targets(world)).map(({ _id, _rev, ...content }) => content)
    assert.deepEqual(objects, [{ name: 'one', mail: 'new', first: 'old', wasOld: 'one', isNew: 'one' }])
  })

  it('validSource and validTarget: TARGET_IGNORED; what is neither true nor false fails the object', async () => {
    const world = await stage({
      validSource: js('source.name === "odd" ? "yes" : source.name !== "no"'),
      validTarget: js('target.name !== "system"'),
    })
    for (const name of ['yes', 'no', 'odd']) await world.put('a', name, { name })
    await world.put('b', 's', { name: 'system' })
    const run = await world.run()
    assert.deepEqual(await world.entries(run), {
      yes: 'ABSENT CREATE SUCCESS',
      no: 'SOURCE_IGNORED IGNORE SUCCESS',
      odd: 'null null FAILURE',
      s: 'TARGET_IGNORED IGNORE SUCCESS',
    })
  })

  it('correlationQuery by script is answered from what the scan has seen; correlationScript asks by itself', async () => {
    const correlations: JsonObject[] = [
      { correlationQuery: js("({ _queryFilter: 'mail eq \"' + source.mail + '\"' })") },
      {
        correlationQuery: null,
        correlationScript: js('openidm.query("b", { _queryFilter: \'mail eq "\' + source.mail + \'"\' }).result'),
      },
    ]
    for (const correlation of correlations) {
      const world = await stage(correlation)
      await world.put('a', '1', { name: 'one', mail: 'one@x' })
      await world.put('b', 't', { name: 'other', mail: 'ONE@x' })
      assert.deepEqual(await world.entries(await world.run()), { 1: 'FOUND UPDATE SUCCESS' })
      assert.deepEqual(
        (await targets(world)).map(({ name }) => name),
        ['one'],
      )
    }
  })

  it('link qualifiers: one source, two targets', async () => {
    const world = await stage({
      linkQualifiers: js('returnAll ? ["user", "admin"] : object.isAdmin ? ["user", "admin"] : ["user"]'),
      correlationQuery: [],
      properties: [{ source: 'name', target: 'name', transform: js('linkQualifier + "-" + source') }],
    })
    await world.put('a', '1', { name: 'one', isAdmin: true })
    await world.put('a', '2', { name: 'two' })
    await world.run()
    const names = async () => (await targets(world)).map(({ name }) => name).sort()
    assert.deepEqual(await names(), ['admin-one', 'user-one', 'user-two'])
    const second = await world.run()
    assert.equal((second.situationSummary as JsonObject).CONFIRMED, 3)
    assert.equal((await names()).length, 3)
  })

  it('hooks change the target, see what they should, and fail their object only', async () => {
    const world = await stage({
      onCreate: js('if (source.name === "bad") throw { code: 400, message: "no" }; target.hook = situation + sourceId'),
      onUpdate: js('target.before = oldTarget.mail'),
      onLink: js('console.log("link " + sourceId)'),
      postMapping: js('console.log("post " + target.name)'),
      onError: js('console.log("error " + sourceId + " " + error.message)'),
      onRecon: js('console.log("begin " + mappingConfig.name)'),
      result: js('console.log("end " + source.ABSENT.count)'),
    })
    await world.put('a', '1', { name: 'one', mail: 'old' })
    await world.put('a', '2', { name: 'bad' })
    const run = await world.run()
    assert.deepEqual(run.statusSummary, { SUCCESS: 1, FAILURE: 1 })
    assert.deepEqual(
      (await targets(world)).map(({ hook }) => hook),
      ['ABSENT1'],
    )
    assert.deepEqual([...printed].sort(), ['begin m', 'end 2', 'error 2 no', 'link 1', 'post one'])
    await world.connection.update('a/1', null, { name: 'one', mail: 'new' })
    await world.connection.delete('a/2', null)
    await world.run()
    assert.deepEqual(
      (await targets(world)).map(({ mail, before }) => [mail, before]),
      [['new', 'old']],
    )
  })

  it('policies: an action and a condition by script, a post action', async () => {
    const world = await stage({
      policies: [
        { situation: 'ABSENT', action: 'REPORT', condition: js('object.name === "quiet"') },
        {
          situation: 'ABSENT',
          action: js('recon.actionParam.sourceId === "no" ? "NONSENSE" : "CREATE"'),
          postAction: js('console.log(action + " " + sourceAction + " " + situation)'),
        },
      ],
    })
    for (const name of ['quiet', 'yes', 'no']) await world.put('a', name, { name })
    assert.deepEqual(await world.entries(await world.run()), {
      quiet: 'ABSENT REPORT SUCCESS',
      yes: 'ABSENT CREATE SUCCESS',
      no: 'ABSENT null FAILURE',
    })
    assert.deepEqual(printed, ['CREATE true ABSENT'])
  })
})
