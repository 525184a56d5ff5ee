import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { lengthFault } from '../../../lib/sync/live/chain.ts'
import { ownedBySuite } from '../../helpers/clean-up.ts'
import { until } from '../../helpers/until.ts'
import { js, type LiveStage, LOCAL, mappingTo, PERSON, person, startLive } from './live-stage.ts'

describe('chains of implicit synchronization', () => {
  ownedBySuite()
  let stage: LiveStage
  before(async () => {
    stage = await startLive([])
  })
  const properties = ['userName', 'mail', 'givenName', 'sn'].map((name) => ({ source: name, target: name }))
  const there = (more: JsonObject = {}) => ({
    ...mappingTo(LOCAL, more),
    ...{ name: 'there', source: PERSON, sourceCondition: null },
  })
  const back = (more: JsonObject = {}) => ({
    ...{ name: 'back', source: LOCAL, target: PERSON, links: 'there', properties },
    ...more,
  })
  const set = (path: string, field: string, value: string) =>
    stage.connection.patch(path, null, [{ operation: 'replace', field, value }])
  const GROWING: JsonObject = {
    properties: [
      { source: 'userName', target: 'userName' },
      { source: 'sn', target: 'sn', transform: js('source + "x"') },
    ],
  }
  /** Messages of failures that begin so, when there is one. */
  const failures = (begin: string): Promise<string[]> =>
    until(async () => {
      const all = (await stage.audited(1)).filter(({ status }) => status === 'FAILURE')
      const found = all.map(({ message }) => String(message)).filter((message) => message.startsWith(begin))
      return found.length > 0 && found
    }, `a failure begins with ${begin}`)

  it('two mappings that lead to each other end when both sides agree', async () => {
    await stage.configure([there(), back()])
    await stage.connection.create(PERSON, 'a', person('a'))
    await set(`${PERSON}/a`, 'mail', 'new@x')
    const [id = ''] = await stage.links('a')
    assert.equal((await stage.connection.read(`${LOCAL}/${id}`))?.mail, 'new@x')
    // The innermost ends first.
    assert.deepEqual(
      (await stage.audited(4)).map(({ mapping, situation, status }) => `${mapping} ${situation} ${status}`),
      ['back CONFIRMED SUCCESS', 'there ABSENT SUCCESS', 'back CONFIRMED SUCCESS', 'there CONFIRMED SUCCESS'],
    )
  })

  it('two that share their links carry nothing back that comes of their own writes, though they never agree', async () => {
    await stage.configure([there(GROWING), back(GROWING)])
    await stage.connection.create(PERSON, 's', { userName: 's', sn: '' })
    await set(`${PERSON}/s`, 'sn', 'y')
    const [id = ''] = await stage.links('s')
    assert.equal((await stage.connection.read(`${LOCAL}/${id}`))?.sn, 'yx')
    assert.equal((await stage.connection.read(`${PERSON}/s`))?.sn, 'y')
  })

  it('two with links of their own that never agree are stopped, with the way they went', async () => {
    const { correlationQuery = [] } = mappingTo(LOCAL)
    const own = { links: null, correlationQuery }
    await stage.configure([there(), back(own)])
    await stage.connection.create(PERSON, 'b', { userName: 'b', sn: '' })
    await stage.configure([there(GROWING), back({ ...GROWING, ...own })])
    await set(`${PERSON}/b`, 'sn', 'y')
    const [id = ''] = await stage.links('b')
    const stopped = await failures('Implicit synchronization goes round: there/b ')
    assert.equal(stopped.length, 1)
    assert.equal(
      stopped[0],
      `Implicit synchronization goes round: there/b -> back/${id} -> there/b -> back/${id} -> there/b. Nothing was done at ` +
        'the last one. Let the hooks and mappings on the way write only what differs, or set "enableSync": false in one of the mappings',
    )
    assert.equal((await stage.connection.read(`${PERSON}/b`))?.sn, 'yxxxx')
  })

  it('a chain over ever new objects is stopped as well', async () => {
    const next = `var id = "n" + (Number(source._id.slice(1)) + 1); openidm.create("${PERSON}", id, { userName: id })`
    await stage.configure([there({ postMapping: js(next) })])
    await stage.connection.create(PERSON, 'n0', { userName: 'n0' })
    // Scripts that call each other have a limit of their own.
    const stopped = await failures('Scripts call each other')
    assert.equal(stopped.length, 1)
    // The queue links the last object, whose script has failed after it was created, and runs that script again.
    assert.equal((await failures('A chain of implicit synchronization has more than 10 hops')).length, 1)
    // Its link is committed after the script, of which the failure has told.
    await until(async () => (await stage.links('n8')).length === 1, 'the last object is linked')
    const { result } = await stage.connection.query(LOCAL, { _queryFilter: 'userName sw "n"' })
    assert.equal(result.length, 10)
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
    const touch = js(`openidm.patch("${PERSON}/" + sourceId, null,
      [{ operation: "replace", field: "/touched", value: String(Math.random()) }])`)
    await stage.configure([there({ onDelete: touch, onUnlink: touch, validSource: js('source.out !== true') })])
    await stage.connection.create(PERSON, 'd', person('d'))
    await stage.connection.update(`${PERSON}/d`, null, person('d', { out: true }))
    const own = async () => {
      const all = (await stage.audited(1)).filter(({ sourceObjectId }) => sourceObjectId === `${PERSON}/d`)
      return all.map(({ situation, status }) => `${situation} ${status}`)
    }
    await until(async () => (await own()).includes('UNQUALIFIED SUCCESS'), 'the deletion is audited')
    // Those that come back a second time do nothing.
    assert.ok((await own()).includes('UNQUALIFIED FAILURE'), (await own()).join())
    assert.ok((await own()).length <= 7, (await own()).join())
    assert.deepEqual(await stage.links('d'), [])
    assert.equal((await stage.connection.query(LOCAL, { _queryFilter: 'userName eq "d"' })).result.length, 0)
  })

  it('changes of both sides at once do not wait for each other', async () => {
    await stage.configure([there({ conflict: 'source' }), back({ conflict: 'target' })])
    await stage.connection.create(PERSON, 'z', person('z'))
    const [id = ''] = await stage.links('z')
    const paths = [`${PERSON}/z`, `${LOCAL}/${id}`]
    await Promise.all(Array.from({ length: 20 }, (_, index) => set(paths[index % 2] ?? '', 'mail', `${index}@x`)))
    const [source, target] = await Promise.all(paths.map((path) => stage.connection.read(path)))
    assert.equal(source?.mail, target?.mail)
  })
})
