import assert from 'node:assert/strict'
import { ownedBySuite } from '../../helpers/clean-up.ts'
import { js, type LiveStage, LOCAL, mappingTo, person, SOURCE, startLive } from './live-stage.ts'

/** Each write of a person or an account leads to implicit synchronization, by the hooks of its type. */
const telling = (collection: string) => {
  const tell = (kind: string) =>
    js(`openidm.action("sync", "notify${kind}", {}, { resourceContainer: "${collection}", resourceId: object._id })`)
  return { postCreate: tell('Create'), postUpdate: tell('Update') }
}
const TYPES = {
  objects: [
    { name: 'person', ...telling(SOURCE), schema: { properties: {} } },
    { name: 'account', ...telling(LOCAL), schema: { properties: {} } },
    { name: 'plain', schema: { properties: {} } },
  ],
}
const properties = ['userName', 'mail'].map((name) => ({ source: name, target: name }))
const THERE = { ...mappingTo(LOCAL, { properties, correlationQuery: [] }), name: 'there', sourceCondition: null }
const BACK = { name: 'back', source: LOCAL, target: SOURCE, links: 'there', properties }

describe('implicit synchronization in both directions', () => {
  ownedBySuite()
  let stage: LiveStage
  before(async () => {
    stage = await startLive([THERE, BACK], { 'managed.json': TYPES })
  })
  const all = async (collection: string, id: string) => {
    const { result } = await stage.connection.query(collection, { _queryFilter: `userName eq "${id}"` })
    return result.map(({ mail }) => mail)
  }

  it('a target that was just created is not taken for a new object of the other side', async () => {
    await stage.connection.create(SOURCE, 'a', person('a'))
    assert.deepEqual([await all(SOURCE, 'a'), await all(LOCAL, 'a')], [['a@example.com'], ['a@example.com']])
    assert.equal((await stage.links('a')).length, 1)
  })

  it('and either side carries its changes over', async () => {
    await stage.connection.create(SOURCE, 'b', person('b'))
    const [id = ''] = await stage.links('b')
    const set = (path: string, value: string) =>
      stage.connection.patch(path, null, [{ operation: 'replace', field: 'mail', value }])
    await set(`${LOCAL}/${id}`, 'there@x')
    assert.deepEqual([await all(SOURCE, 'b'), await all(LOCAL, 'b')], [['there@x'], ['there@x']])
    await set(`${SOURCE}/b`, 'here@x')
    assert.deepEqual([await all(SOURCE, 'b'), await all(LOCAL, 'b')], [['here@x'], ['here@x']])
  })

  it('what the target adds comes back when the link is there', async () => {
    await stage.configure([
      { ...THERE, onCreate: js('target.mail = "assigned@x"'), properties: [properties[0] ?? {}] },
      BACK,
    ])
    await stage.connection.create(SOURCE, 'c', { userName: 'c' })
    assert.deepEqual([await all(SOURCE, 'c'), await all(LOCAL, 'c')], [['assigned@x'], ['assigned@x']])
  })

  it('other objects that a hook creates meanwhile are carried over as well', async () => {
    const hook = js(`openidm.create("${LOCAL}", null, { userName: "extra" })`)
    await stage.configure([{ ...THERE, onLink: hook }, BACK])
    await stage.connection.create(SOURCE, 'd', person('d'))
    assert.deepEqual([(await all(SOURCE, 'd')).length, (await all(LOCAL, 'd')).length], [1, 1])
    assert.deepEqual([(await all(SOURCE, 'extra')).length, (await all(LOCAL, 'extra')).length], [1, 1])
  })

  it('a reconciliation creates targets, and nothing comes back as new', async () => {
    const source = 'managed/plain'
    await stage.configure([
      { ...THERE, source },
      { ...BACK, target: source },
    ])
    for (let count = 0; count < 20; count++) await stage.connection.create(source, `r${count}`, person(`r${count}`))
    const query = '/recon?_action=recon&mapping=there&waitForCompletion=true'
    assert.equal((await stage.gateway.call(query, { method: 'POST' })).status, 200)
    for (let count = 0; count < 20; count++)
      assert.deepEqual([(await all(source, `r${count}`)).length, (await all(LOCAL, `r${count}`)).length], [1, 1])
  })
})
