import assert from 'node:assert/strict'
import { ownedBySuite } from '../../helpers/clean-up.ts'
import { js, type LiveStage, LOCAL, mappingTo, PERSON, person, SOURCE, startLive } from './live-stage.ts'

const properties = ['userName', 'mail'].map((name) => ({ source: name, target: name }))
const THERE = {
  ...mappingTo(LOCAL, { properties, correlationQuery: [] }),
  ...{ name: 'there', source: PERSON, sourceCondition: null },
}
const BACK = { name: 'back', source: LOCAL, target: PERSON, links: 'there', properties }

describe('implicit synchronization in both directions', () => {
  ownedBySuite()
  let stage: LiveStage
  before(async () => {
    stage = await startLive([THERE, BACK])
  })
  const all = async (collection: string, id: string) => {
    const { result } = await stage.connection.query(collection, { _queryFilter: `userName eq "${id}"` })
    return result.map(({ mail }) => mail)
  }

  it('a target that was just created is not taken for a new object of the other side', async () => {
    await stage.connection.create(PERSON, 'a', person('a'))
    assert.deepEqual([await all(PERSON, 'a'), await all(LOCAL, 'a')], [['a@example.com'], ['a@example.com']])
    assert.equal((await stage.links('a')).length, 1)
  })

  it('and either side carries its changes over', async () => {
    await stage.connection.create(PERSON, 'b', person('b'))
    const [id = ''] = await stage.links('b')
    const set = (path: string, value: string) =>
      stage.connection.patch(path, null, [{ operation: 'replace', field: 'mail', value }])
    await set(`${LOCAL}/${id}`, 'there@x')
    assert.deepEqual([await all(PERSON, 'b'), await all(LOCAL, 'b')], [['there@x'], ['there@x']])
    await set(`${PERSON}/b`, 'here@x')
    assert.deepEqual([await all(PERSON, 'b'), await all(LOCAL, 'b')], [['here@x'], ['here@x']])
  })

  it('what the target adds comes back when the link is there', async () => {
    await stage.configure([
      { ...THERE, onCreate: js('target.mail = "assigned@x"'), properties: [properties[0] ?? {}] },
      BACK,
    ])
    await stage.connection.create(PERSON, 'c', { userName: 'c' })
    assert.deepEqual([await all(PERSON, 'c'), await all(LOCAL, 'c')], [['assigned@x'], ['assigned@x']])
  })

  it('other objects that a hook creates meanwhile are carried over as well', async () => {
    const hook = js(`openidm.create("${LOCAL}", null, { userName: "extra" })`)
    await stage.configure([{ ...THERE, onLink: hook }, BACK])
    await stage.connection.create(PERSON, 'd', person('d'))
    assert.deepEqual([(await all(PERSON, 'd')).length, (await all(LOCAL, 'd')).length], [1, 1])
    assert.deepEqual([(await all(PERSON, 'extra')).length, (await all(LOCAL, 'extra')).length], [1, 1])
  })

  it('a reconciliation creates targets, and nothing comes back as new', async () => {
    await stage.configure([
      { ...THERE, source: SOURCE },
      { ...BACK, target: SOURCE },
    ])
    for (let count = 0; count < 20; count++) await stage.connection.create(SOURCE, `r${count}`, person(`r${count}`))
    const query = '/recon?_action=recon&mapping=there&waitForCompletion=true'
    assert.equal((await stage.gateway.call(query, { method: 'POST' })).status, 200)
    for (let count = 0; count < 20; count++)
      assert.deepEqual([(await all(SOURCE, `r${count}`)).length, (await all(LOCAL, `r${count}`)).length], [1, 1])
  })
})
