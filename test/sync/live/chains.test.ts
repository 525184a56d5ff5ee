import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { lengthFault } from '../../../lib/sync/live/chain.ts'
import { ownedBySuite } from '../../helpers/clean-up.ts'
import { until } from '../../helpers/until.ts'
import { js, type LiveStage, LOCAL, mappingTo, person, SOURCE, startLive } from './live-stage.ts'

/** What a managed object does when its type is synchronized: a write of the target leads to a change of its own. */
const tell = (collection: string, id: string) =>
  `if (oldTarget && oldTarget._rev !== target._rev) openidm.action("sync", "notifyUpdate", {}, { resourceContainer: "${collection}", resourceId: ${id} })`

describe('chains of implicit synchronization', () => {
  ownedBySuite()
  let stage: LiveStage
  before(async () => {
    stage = await startLive([])
  })
  const properties = ['userName', 'mail', 'givenName', 'sn'].map((name) => ({ source: name, target: name }))
  const there = (more: JsonObject = {}) => ({ ...mappingTo(LOCAL, more), name: 'there', sourceCondition: null })
  const back = (more: JsonObject = {}) => ({
    ...{ name: 'back', source: LOCAL, target: SOURCE, links: 'there', properties },
    ...more,
  })
  /** Messages of failures that begin so, when there is one. */
  const failures = (begin: string): Promise<string[]> =>
    until(async () => {
      const all = (await stage.audited(1)).filter(({ status }) => status === 'FAILURE')
      const found = all.map(({ message }) => String(message)).filter((message) => message.startsWith(begin))
      return found.length > 0 && found
    }, `a failure begins with ${begin}`)

  it('two mappings that lead to each other end when both sides agree', async () => {
    await stage.configure([
      there({ postMapping: js(tell(LOCAL, 'target._id')) }),
      back({ postMapping: js(tell(SOURCE, 'target._id')) }),
    ])
    await stage.connection.create(SOURCE, 'a', person('a'))
    const [detail = {}] = await stage.notify('Create', 'a')
    assert.deepEqual([detail.situation, detail.result], ['ABSENT', 'SUCCESSFUL'])
    await stage.connection.update(`${SOURCE}/a`, null, person('a', { mail: 'new@x' }))
    assert.equal((await stage.notify('Update', 'a'))[0]?.result, 'SUCCESSFUL')
    const [id = ''] = await stage.links('a')
    assert.equal((await stage.connection.read(`${LOCAL}/${id}`))?.mail, 'new@x')
    assert.deepEqual(
      (await stage.audited(3)).map(({ mapping, status }) => `${mapping} ${status}`),
      [
        'there SUCCESS',
        // The innermost ends first.
        'back SUCCESS',
        'there SUCCESS',
      ],
    )
  })

  it('two that never agree are stopped, with the way they went', async () => {
    const more = js('source + "x"')
    const growing: JsonObject[] = [
      { source: 'userName', target: 'userName' },
      { source: 'sn', target: 'sn', transform: more },
    ]
    await stage.configure([
      there({ properties: growing, postMapping: js(tell(LOCAL, 'target._id')) }),
      back({ properties: growing, postMapping: js(tell(SOURCE, 'target._id')) }),
    ])
    await stage.connection.create(SOURCE, 'b', { userName: 'b', sn: '' })
    await stage.notify('Create', 'b')
    await stage.connection.patch(`${SOURCE}/b`, null, [{ operation: 'replace', field: 'sn', value: 'y' }])
    await stage.notify('Update', 'b')
    const [id = ''] = await stage.links('b')
    const stopped = await failures('Implicit synchronization goes round: there/b ')
    assert.equal(stopped.length, 1)
    assert.equal(
      stopped[0],
      `Implicit synchronization goes round: there/b -> back/${id} -> there/b -> back/${id} -> there/b. Nothing was done at ` +
        'the last one. Let the hooks and mappings on the way write only what differs, or set "enableSync": false in one of the mappings',
    )
    assert.equal((await stage.connection.read(`${SOURCE}/b`))?.sn, 'yxxxx')
  })

  it('a chain over ever new objects is stopped as well', async () => {
    const next = `var id = "n" + (Number(source._id.slice(1)) + 1);
      openidm.create("${SOURCE}", id, { userName: id }); openidm.action("sync", "notifyCreate", {}, { resourceContainer: "${SOURCE}", resourceId: id })`
    await stage.configure([there({ postMapping: js(next) })])
    await stage.connection.create(SOURCE, 'n0', { userName: 'n0' })
    assert.equal((await stage.notify('Create', 'n0'))[0]?.result, 'SUCCESSFUL')
    // Scripts that call each other have a limit of their own.
    const stopped = await failures('Scripts call each other')
    assert.equal(stopped.length, 1)
    const { result } = await stage.connection.query(LOCAL, { _queryFilter: 'userName sw "n"' })
    assert.equal(result.length, 9)
  })

  it('a chain has at most 10 hops, and a failure names them', () => {
    const hops = Array.from({ length: 10 }, (_, index) => `m/${index}`)
    assert.equal(lengthFault(hops.slice(1), 'm/10'), undefined)
    assert.match(
      String(lengthFault(hops, 'm/10')),
      /has more than 10 hops: m\/0 -> .* -> m\/9 -> m\/10\. Nothing was done/,
    )
  })

  it('onDelete and onUnlink may write: the deletion ends', async () => {
    const touch = `openidm.patch("${SOURCE}/" + sourceId, null, [{ operation: "replace", field: "/touched", value: String(Math.random()) }]);
      ${tell(SOURCE, 'sourceId')}`
    await stage.configure([there({ onDelete: js(touch), onUnlink: js(touch), validSource: js('source.out !== true') })])
    await stage.connection.create(SOURCE, 'd', person('d'))
    await stage.notify('Create', 'd')
    await stage.connection.update(`${SOURCE}/d`, null, person('d', { out: true }))
    const [detail = {}] = await stage.notify('Update', 'd')
    assert.deepEqual([detail.situation, detail.result], ['UNQUALIFIED', 'SUCCESSFUL'])
    assert.deepEqual(await stage.links('d'), [])
    assert.equal((await stage.connection.query(LOCAL, { _queryFilter: 'userName eq "d"' })).result.length, 0)
  })

  it('changes of both sides at once do not wait for each other', async () => {
    await stage.configure([
      there({ postMapping: js(tell(LOCAL, 'target._id')) }),
      back({ postMapping: js(tell(SOURCE, 'target._id')) }),
    ])
    await stage.connection.create(SOURCE, 'z', person('z'))
    await stage.notify('Create', 'z')
    const [id = ''] = await stage.links('z')
    const all = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const path = index % 2 === 0 ? `${SOURCE}/z` : `${LOCAL}/${id}`
        await stage.connection.patch(path, null, [{ operation: 'replace', field: 'mail', value: `${index}@x` }])
        return index % 2 === 0 ? stage.notify('Update', 'z') : stage.notify('Update', id, {}, LOCAL)
      }),
    )
    assert.equal(all.length, 20)
    await stage.notify('Update', 'z')
    const [source, target] = [await stage.connection.read(`${SOURCE}/z`), await stage.connection.read(`${LOCAL}/${id}`)]
    assert.equal(source?.mail, target?.mail)
  })
})
