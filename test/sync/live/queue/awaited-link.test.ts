import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { ownedBySuite } from '../../../helpers/clean-up.ts'
import { until } from '../../../helpers/until.ts'
import { js, type LiveStage, LOCAL, mappingTo, PERSON, startLive } from '../live-stage.ts'

const properties = ['userName', 'mail'].map((name) => ({ source: name, target: name }))
const queuedSync = { enabled: true, retryDelay: 20 }
const THERE = {
  ...mappingTo(LOCAL, { source: PERSON, properties, correlationQuery: [] }),
  name: 'there',
  sourceCondition: null,
}
const BACK = { name: 'back', source: LOCAL, target: PERSON, links: 'there', properties, queuedSync }
/** Holds the hop between the creation of its target and the link, until a note tells it to go on. */
const SLOW = js(`logger.info('| linking'); while (!openidm.read('managed/note/go')) {}`)

describe('a queued change of a target that is about to be linked', function () {
  this.timeout(120_000)
  ownedBySuite()
  let stage: LiveStage
  let database: DatabaseSync
  before(async () => {
    stage = await startLive([])
    database = new DatabaseSync(join(stage.gateway.project.dir, 'db/openidm.db'))
  })
  after(() => database.close())
  const waiting = (mapping: string): number =>
    Number(database.prepare('select count(*) as count from sync_event where mapping = ?').get(mapping)?.count)
  const all = async (collection: string): Promise<unknown[]> => {
    const { result } = await stage.connection.query(collection, { _queryFilter: 'true' })
    return result.map(({ userName, mail }) => `${userName} ${mail}`).sort()
  }
  const ask = async (action: string, mapping: string): Promise<void> => {
    const { status, text } = await stage.gateway.call(`/sync/queue?_action=${action}&mapping=${mapping}`, {
      method: 'POST',
      json: {},
    })
    assert.equal(status, 200, text)
  }
  const drained = () => until(() => waiting('there') + waiting('back') === 0, 'nothing waits')

  for (const [name, there] of [
    ['at once', THERE],
    ['queued as well', { ...THERE, queuedSync }],
  ] as const)
    it(`stays in the queue until it is carried over; the first one is carried over ${name}`, async () => {
      await stage.configure([{ ...there, onLink: SLOW }, BACK])
      const before = await all(PERSON)
      const created = stage.connection.create(PERSON, null, { userName: name, mail: 'first@x' })
      await until(() => stage.printed().includes('linking'))
      // Longer than it keeps others waiting.
      await new Promise((next) => setTimeout(next, 1200))
      assert.equal(waiting('back'), 1)
      await stage.connection.create('managed/note', 'go', {})
      await created
      await drained()
      assert.deepEqual(await all(PERSON), [...before, `${name} first@x`].sort())
      assert.equal((await all(LOCAL)).length, (await all(PERSON)).length)
      await stage.connection.delete('managed/note/go', null)
    })

  it('waits for the queued change that has led to it, when that is carried out again after a crash', async () => {
    await stage.configure([{ ...THERE, queuedSync }, BACK])
    const [sources, targets] = [await all(PERSON), await all(LOCAL)]
    await ask('pause', 'there')
    await ask('pause', 'back')
    // As the crash has left it: the target is there with its queued change, and the link is not.
    const { _id: id } = await stage.connection.create(PERSON, null, { userName: 'crashed', mail: 'x' })
    const { _id: target } = await stage.connection.create(LOCAL, null, { userName: 'crashed', mail: 'x' })
    const change = (what: string, value: unknown, resource: unknown) =>
      database
        .prepare(`update sync_event set ${what} = ? where resource = ?`)
        .run(JSON.stringify(value), String(resource))
    change('chain', [`there/${id}`], target)
    change('intents', { default: { kind: 'id', id: target } }, id)
    await ask('release', 'back')
    const tried = () => database.prepare("select not_before as time from sync_event where mapping = 'back'").get()?.time
    await until(() => Number(tried()) > 0, 'it was looked at')
    await ask('release', 'there')
    await drained()
    assert.deepEqual(await all(PERSON), [...sources, 'crashed x'].sort())
    assert.deepEqual(await all(LOCAL), [...targets, 'crashed x'].sort())
  })
})
