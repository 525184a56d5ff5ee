/** What mappings do beside copying fields, in runs that workers share: they end as runs of one process do. */
import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { ownedBySuite } from '../../helpers/clean-up.ts'
import type { FakeIdm } from '../../helpers/fake-idm/fake-idm.ts'
import {
  assertSame,
  both,
  type FeatureStage,
  type Side,
  sorted,
  startFeatureStage,
  told,
  type World,
} from './feature-stage.ts'

const OBJECTS = 144
const COLLECTIONS = ['note', 'hooked', 'planned', 'followed', 'qualified'].map((name) => `managed/${name}`)

const js = (source: string): JsonObject => ({ type: 'text/javascript', source })
const copies = (...names: string[]) => names.map((name) => ({ source: name, target: name }))
const BY_NAME = { linkQualifier: 'default', expressionTree: { any: ['name'] } }

const between = (side: Side, name: string, collection: string) => ({
  ...{ name: `${side}${name}`, correlationQuery: BY_NAME, maxDeletes: '100%' },
  ...{ source: `external/idm/${side}1/managed/${collection}`, target: `external/idm/${side}2/managed/${collection}` },
})

/** A script that creates a note at the second remote, whose id is `note`. */
const noting = (side: Side, script: string, then = 'null'): JsonObject =>
  js(`const name = typeof source !== "undefined" && source?.name || typeof target !== "undefined" && target?.name || null
    const note = openidm.create("external/idm/${side}2/managed/note", null, { script: "${script}", name })._id
    ${then}`)

const hooked = (side: Side): JsonObject => ({
  ...between(side, 'Hooks', 'hooked'),
  properties: [
    ...copies('name'),
    { source: '', target: 'mail', transform: noting(side, 'transform', 'source.mail + linkQualifier') },
  ],
  validSource: noting(side, 'validSource', 'source.state !== "invalid"'),
  ...Object.fromEntries(
    ['onDelete', 'onLink', 'onError', 'onRecon', 'result'].map((hook) => [hook, noting(side, hook)]),
  ),
  onCreate: noting(side, 'onCreate', 'if (source.state === "bad") throw "refused"; target.by = "create " + name'),
  onUpdate: noting(side, 'onUpdate', 'target.by = "update " + name'),
  // In the gateway itself.
  postMapping: js(`openidm.create("managed/note", null, { side: "${side}", name: source.name, by: target.by })`),
  policies: (
    [
      { situation: 'FOUND', action: 'LINK', condition: '/object/state eq "link"' },
      { situation: 'FOUND', action: 'UPDATE' },
      { situation: 'ABSENT', action: 'CREATE' },
      { situation: 'UNASSIGNED', action: 'DELETE' },
    ] as JsonObject[]
  ).map((policy) => ({ ...policy, postAction: noting(side, 'postAction') })),
})

const planned = (side: Side): JsonObject => ({
  ...between(side, 'Planned', 'planned'),
  properties: [...copies('name'), { source: '', target: 'mail', transform: noting(side, 'transform', 'source.mail') }],
  validSource: noting(side, 'validSource', 'true'),
  onCreate: noting(side, 'onCreate', 'target.note = note'),
  onUpdate: noting(side, 'onUpdate', 'target.note = note'),
  postMapping: noting(side, 'postMapping'),
})

const related = (side: Side): JsonObject[] => [
  { ...between(side, 'Roles', 'role'), properties: copies('name') },
  {
    ...between(side, 'Users', 'user'),
    properties: [
      ...copies('name'),
      { source: 'roles', target: 'roles', relationship: { mapping: `${side}Roles` } },
      { source: 'manager', target: 'manager', relationship: { mapping: `${side}Users` } },
    ],
    maxClears: '100%',
  },
]

const followed = (side: Side): JsonObject[] => {
  const { source, target, ...forth } = between(side, 'Forth', 'followed')
  const common = { ...forth, properties: copies('name', 'sn', 'mail') }
  return [
    { ...common, source, target, conflict: 'exception' },
    { ...common, source: target, target: source, name: `${side}Back`, links: `${side}Forth` },
  ]
}

const NAMED = 'source.name + (linkQualifier === "test" ? "-test" : "")'

const qualified = (side: Side): JsonObject => ({
  ...between(side, 'Qualified', 'qualified'),
  linkQualifiers: ['default', 'test'],
  properties: [
    { source: '', target: 'name', transform: js(NAMED) },
    ...copies('password'),
    { source: 'pin', target: 'pin', writeOnly: true },
  ],
  correlationQuery: ['default', 'test'].map((linkQualifier) => ({
    ...{ linkQualifier, ...js(`({ _queryFilter: 'name eq "' + ${NAMED} + '"' })`) },
  })),
  policies: [{ situation: 'FOUND', action: 'LINK' }],
})

const source = (index: number) => ({ _id: `s${index}`, name: `n${index}` })
/** The counterpart of every fourth. */
const found = (index: number) => (index % 4 === 3 ? { _id: `t${index}`, name: `n${index}` } : null)

describe('a run that workers share ends as one of one process', () => {
  ownedBySuite()
  let stage: FeatureStage

  before(async () => {
    const two = { invisible: ['password', 'pin'], collections: COLLECTIONS }
    const mappings = (side: Side) =>
      [hooked(side), planned(side), related(side), followed(side), qualified(side)].flat()
    stage = await startFeatureStage({ workers: 3, ms: 25, two, mappings })
  })

  const seed = (remote: keyof World, collection: string, objectOf: (index: number) => JsonObject | null) => {
    const objects = Array.from({ length: OBJECTS }, (_, index) => objectOf(index)).filter((object) => object !== null)
    stage.inBoth((world) => world[remote].seed(`managed/${collection}`, objects))
  }

  const assertUnchanged = async (name: string, collection: string, count: number) => {
    const { progress } = await stage.compare(name, collection, { isShared: false })
    assert.equal((progress as Record<string, JsonObject>).target?.unchanged, count)
  }

  /** Which scripts have run for which objects. No one has twice. @returns how often each has run */
  async function notes(isOwn = false): Promise<JsonObject> {
    const own = isOwn ? await stage.query('managed/note', 'true') : []
    const all = both((side) => [
      ...sorted(stage.worlds[side].two.objects('managed/note')),
      ...sorted(
        own.flatMap(({ side: of, name = null, by = null }) => (of === side ? { script: 'postMapping', name, by } : [])),
      ),
    ])
    assertSame(all)
    assert.equal(new Set(all.shared).size, all.shared.length)
    stage.inBoth(({ two }) => {
      for (const id of two.ids('managed/note')) two.delete('managed/note', id)
    })
    const scripts = all.shared.map((note) => String((JSON.parse(note) as JsonObject).script))
    return Object.fromEntries(
      Object.entries(Object.groupBy(scripts, (script) => script)).map(([script, runs = []]) => [script, runs.length]),
    )
  }

  it('each script has run once for each object', async () => {
    const stateOf = (index: number) => ({ 3: 'link', 7: 'invalid', 8: 'bad' })[index % 16] ?? 'good'
    seed('one', 'hooked', (index) => ({ ...source(index), mail: 'm', state: stateOf(index) }))
    // A quarter is found, and as many belong to no source.
    seed('two', 'hooked', (index) => found(index) ?? (index % 4 === 2 ? { _id: `x${index}`, name: `x${index}` } : null))
    await stage.compare('Hooks', 'hooked')
    assert.deepEqual(await notes(true), {
      ...{ onRecon: 1, validSource: OBJECTS, transform: 126, onCreate: 108, onUpdate: 18, onLink: 126 },
      ...{ postMapping: 126, onDelete: 45, postAction: 162, onError: 9, result: 1 },
    })
  })

  it('what scripts of an approved plan write is written once', async () => {
    seed('one', 'planned', (index) => ({ ...source(index), mail: 'm' }))
    seed('two', 'planned', found)
    const reports = await stage.run('Planned', { isApproved: true })
    assertSame(both((side) => told(reports[side])))
    // The plan has placeholders of the ids that the second remote gives to notes.
    stage.inBoth(({ two }) => {
      for (const { _id, name, note } of two.objects('managed/planned')) {
        assert.equal(two.object('managed/note', String(note))?.name, name)
        two.change('managed/planned', String(_id), { note: undefined })
      }
    })
    await stage.assertSameObjects('planned')
    const [onCreate, onUpdate] = [108, 36]
    const counts = { validSource: OBJECTS, transform: OBJECTS, onCreate, onUpdate, postMapping: OBJECTS }
    assert.deepEqual(await notes(), counts)
  })

  it('relationships lead to objects that others create, and follow when they change', async () => {
    const edge = (name: string) => ({ _ref: `managed/${name}`, _refProperties: {} })
    const user = (index: number, manager: number, roles: readonly number[]): JsonObject => ({
      ...{ _id: `u${index}`, name: `u${index}`, manager: edge(`user/u${manager % OBJECTS}`) },
      roles: roles.map((role) => edge(`role/r${role}`)),
    })
    const assertEdges = () =>
      stage.inBoth(({ one, two }) => {
        const nameOf = (remote: FakeIdm, ref: string) =>
          remote.object(ref.slice(0, ref.lastIndexOf('/')), ref.slice(ref.lastIndexOf('/') + 1))?.name
        const edgesOf = (remote: FakeIdm) =>
          remote.objects('managed/user').map(({ _id, name = null }) => {
            const refs = ['manager', 'roles'].flatMap((field) => remote.refs('managed/user', String(_id), field))
            return { name, edges: refs.map((ref) => String(nameOf(remote, ref))).sort() }
          })
        assert.deepEqual(sorted(edgesOf(two)), sorted(edgesOf(one)))
      })
    seed('one', 'role', (index) => (index < 4 ? { _id: `r${index}`, name: `r${index}` } : null))
    seed('one', 'user', (index) => user(index, index + 70, [index % 4, (index + 1) % 4]))
    await stage.compare('Roles', 'role', { isShared: false })
    const reports = await stage.run('Users')
    // How many edges follow depends on what is created first.
    const steady = ({ progress, statusSummary, ...rest }: JsonObject) => {
      const { source, links, target } = progress as Record<string, Record<string, number>>
      const { updated = 0, ...others } = target ?? {}
      const { SUCCESS, FAILURE } = statusSummary as Record<string, number>
      return { ...rest, source, links, others, created: (SUCCESS ?? 0) - updated, FAILURE }
    }
    assertSame(both((side) => steady(told(reports[side]))))
    assert.equal(steady(told(reports.shared)).created, OBJECTS)
    await stage.assertSameObjects('user')
    assertEdges()
    seed('one', 'user', (index) => user(index, index + 90, index % 3 === 0 ? [] : [3]))
    await stage.compare('Users', 'user')
    assertEdges()
    await assertUnchanged('Users', 'user', OBJECTS)
  })

  it('two mappings invent no conflict, carry nothing back, and have agreed on the same', async () => {
    const assertSameAgreements = async () => {
      const all = await stage.rows(
        'select l.type, l.first_id, a.mapping, a.fields from agreement a join link l on l.id = a.link order by 1, 2, 3',
      )
      const of = (side: Side) =>
        all.filter(({ type }) => type === `${side}Forth`).map((row) => JSON.stringify(row).replaceAll(side, ''))
      assertSame(both(of))
      assert.equal(of('shared').length, 2 * OBJECTS)
    }
    seed('one', 'followed', (index) => ({ ...source(index), sn: 'old', mail: 'old' }))
    seed('two', 'followed', (index) => found(index) && { ...found(index), sn: 'other' })
    await stage.compare('Forth', 'followed')
    await assertSameAgreements()
    stage.inBoth(({ one, two }) => {
      for (const { _id, name } of two.objects('managed/followed')) {
        const index = Number(String(name).slice(1))
        if (index % 5 > 0) one.change('managed/followed', `s${index}`, { sn: `one ${index}` })
        const disputed = index % 20 === 7 && { sn: 'disputed' }
        if (index % 5 !== 1) two.change('managed/followed', String(_id), { mail: `two ${index}`, ...disputed })
      }
    })
    const carry = async (name: string, isShared: boolean) => {
      const { statusSummary } = await stage.compare(name, 'followed', { isShared })
      assert.deepEqual(statusSummary, { SUCCESS: OBJECTS - 7, FAILURE: 7 })
      await assertSameAgreements()
    }
    for (const name of ['Back', 'Forth']) await carry(name, true)
    stage.inBoth(({ one, two }) => {
      for (const remote of [one, two]) remote.clearRequests()
    })
    for (const name of ['Back', 'Forth']) await carry(name, false)
    stage.inBoth(({ one, two }) => assert.deepEqual([...one.writes, ...two.writes], []))
  })

  it('a source keeps its links of several kinds, and what targets do not show is sent once', async () => {
    seed('one', 'qualified', (index) => ({ ...source(index), password: 'one', pin: '1' }))
    for (const kind of ['', '-test'])
      seed('two', 'qualified', (index) => {
        const name = `n${index}${kind}`
        return index < 10 ? null : { _id: name, name, password: 'two', pin: '2' }
      })
    await stage.compare('Qualified', 'qualified')
    await assertUnchanged('Qualified', 'qualified', 2 * OBJECTS)
    seed('one', 'qualified', (index) => ({ ...source(index), password: 'new', pin: String(index) }))
    await stage.compare('Qualified', 'qualified')
    await assertUnchanged('Qualified', 'qualified', 2 * OBJECTS)
  })
})
