import assert from 'node:assert/strict'
import type { Repository } from '../../../lib/repo/repository.ts'
import { newRow, type Row } from '../../../lib/repo/runs/run-row.ts'
import { placeOfRow, type RunRows } from '../../../lib/repo/runs/run-rows.ts'
import type { RunSnapshot, Touched } from '../../../lib/repo/runs/run-snapshot.ts'
import type { OpenRepository } from '../repositories.ts'

/** Neither a multiple of a statement's rows nor fewer. */
const MANY = 1234

interface Stored {
  readonly number: number
  readonly rows: RunRows
  readonly snapshot: RunSnapshot
}

async function newRun(repository: Repository, id: string): Promise<Stored> {
  const runs = repository.runs()
  const run = { id, mapping: 'm', state: 'ACTIVE', isAnalysis: false, persists: false, content: {} }
  const number = await runs.insert(run)
  return { number, rows: runs.rows(number), snapshot: runs.snapshot(number) }
}

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

const seen = (id: string) => ({ key: id, isFull: true, isPlanned: false, object: { _id: id, name: `n ${id}` } })

const row = (id: string, rest: Partial<Row> = {}): Row =>
  newRow({
    phase: 'source',
    qualifier: 'default',
    sourceId: id,
    situation: 'ABSENT',
    action: 'CREATE',
    reason: 'r',
    source: { _id: id },
    ...rest,
  })

const byKey = (...keys: string[]): Touched[] => keys.map((key) => ({ key, place: undefined }))

const done = (key: number, first: string, second: string): Row => ({
  ...row(first, { targetId: second, status: 'SUCCESS', newLink: { type: 'm', qualifier: 'default', first, second } }),
  key,
})

export function describeRunStore(open: OpenRepository): void {
  describe('what a run saw', () => {
    it('is found by key and by value, each object once', async () => {
      const { snapshot } = await newRun(await open(), 'r')
      const objects = range(MANY).map((index) => seen(`t${index}`))
      assert.equal(await snapshot.add(objects), MANY)
      assert.equal(await snapshot.add(objects.slice(0, 20)), 0)
      const found = await snapshot.byKeys(['t7', 'none'])
      assert.deepEqual(
        [...found.values()].map(({ object }) => object),
        [{ _id: 't7', name: 'n t7' }],
      )
      await snapshot.index([['name']])
      assert.deepEqual(await snapshot.keysByValues([{ field: '/name', value: 'N T9' }]), [['t9']])
    })

    it('is untouched until rows are about it, by place or by key', async () => {
      const { snapshot } = await newRun(await open(), 'r')
      await snapshot.add(range(MANY).map((index) => seen(`t${index}`)))
      await snapshot.add([{ ...seen('planned'), isPlanned: true }])
      const all = await snapshot.byKeys(range(MANY).map((index) => `t${index}`))
      await snapshot.touch([...all.values()].filter(({ key }) => key !== 't5' && key !== 't6') as Touched[])
      await snapshot.touch(byKey('t6', 'none'))
      const { objects } = await snapshot.untouched(0, 100)
      assert.deepEqual(
        objects.map(({ key }) => key),
        ['t5'],
      )
    })

    it('comes in windows, without leaving one out', async () => {
      const { snapshot } = await newRun(await open(), 'r')
      await snapshot.add(range(MANY).map((index) => seen(`t${index}`)))
      const keys: string[] = []
      for (let after: number | undefined = 0; after !== undefined; ) {
        const { objects, last } = await snapshot.untouched(after, 100)
        keys.push(...objects.map(({ key }) => key))
        after = last
      }
      assert.deepEqual(
        keys,
        range(MANY).map((index) => `t${index}`),
      )
    })

    it('what is untouched comes together, however far apart it lies', async () => {
      const { snapshot } = await newRun(await open(), 'r')
      const keys = range(5200).map((index) => `t${index}`)
      await snapshot.add(keys.map(seen))
      await snapshot.endScan()
      await snapshot.touch(byKey(...keys.slice(1, -1)))
      const { objects } = await snapshot.untouched(0, 100)
      assert.deepEqual(
        objects.map(({ key }) => key),
        ['t0', 't5199'],
      )
      await snapshot.touch(byKey('t0', 't5199'))
      assert.deepEqual(await snapshot.untouched(0, 100), { objects: [], last: undefined })
    })

    it('tells which sources earlier pages brought, and which of them have changed', async () => {
      const { snapshot } = await newRun(await open(), 'r')
      const source = (key: string, digest = 1) => ({ key, digest })
      assert.equal((await snapshot.see(range(MANY).map((index) => source(String(index))))).size, 0)
      assert.deepEqual(
        [...(await snapshot.see([source('7'), source('new'), source('8', 2)]))],
        [
          ['7', false],
          ['8', true],
        ],
      )
    })

    it('is forgotten with its run, and that of others is not', async () => {
      const repository = await open()
      const [one, two] = [await newRun(repository, 'one'), await newRun(repository, 'two')]
      for (const { snapshot } of [one, two]) await snapshot.add([seen('t')])
      await repository.runs().clear(one.number)
      assert.equal((await one.snapshot.byKeys(['t'])).size, 0)
      assert.equal((await two.snapshot.byKeys(['t'])).size, 1)
      await repository.runs().clear(two.number)
      assert.equal((await two.snapshot.byKeys(['t'])).size, 0)
    })
  })

  describe('the plan of a run', () => {
    it('keeps its order, whatever kinds of rows are mixed', async () => {
      const { rows } = await newRun(await open(), 'r')
      const odd = (index: number): Partial<Row> => {
        if (index % 3 === 0) return { status: 'SUCCESS' }
        return index % 7 === 0 ? { changes: [{ field: '/a', from: null, to: 1 }] } : {}
      }
      const planned = range(MANY).map((index) => row(`u${index}`, odd(index)))
      await rows.add(planned, false)
      const found = await rows.after(0, MANY)
      assert.deepEqual(
        found.map(({ sourceId }) => sourceId),
        planned.map(({ sourceId }) => sourceId),
      )
      assert.deepEqual(
        found.map(({ changes }) => changes),
        planned.map(({ changes }) => changes),
      )
      const waiting = await rows.waiting(0, MANY)
      assert.deepEqual(
        waiting.map(({ source }) => source),
        planned.flatMap(({ status, source }) => (status === null ? [source] : [])),
      )
    })

    it('outlives the process with what carrying it out needs only when it is to be read', async () => {
      const repository = await open()
      for (const isLasting of [true, false]) {
        const { rows, number } = await newRun(repository, String(isLasting))
        await rows.add([row('u')], isLasting)
        await repository.runs().clear(number)
        assert.deepEqual(
          (await rows.waiting(0, 10)).map(({ source }) => source),
          [isLasting ? { _id: 'u' } : null],
        )
      }
    })

    it('has each outcome with its link; a link that is taken makes the row a failure', async () => {
      const repository = await open()
      const { rows } = await newRun(repository, 'r')
      await rows.add(
        range(MANY).map((index) => row(`u${index}`)),
        false,
      )
      const keys = (await rows.waiting(0, MANY)).map(({ key }) => key)
      const outcomes = keys.map((key, index) => done(key, `u${index}`, index === 5 ? 't4' : `t${index}`))
      const linked = await rows.finish(outcomes, false)
      assert.deepEqual(
        linked.flatMap((isLinked, index) => (isLinked ? [] : [index])),
        [5],
      )
      assert.equal((await rows.waiting(0, 10)).length, 0)
      assert.deepEqual(
        (await rows.after(0, MANY, { status: 'FAILURE' })).map(({ sourceId }) => sourceId),
        ['u5'],
      )
      assert.equal(await repository.links().count('m'), MANY - 1)
    })

    it('says which targets are claimed', async () => {
      const { rows } = await newRun(await open(), 'r')
      await rows.add([row('u', { targetKey: 't', claims: true }), row('v', { targetKey: 'w' })], false)
      const claimed = (await rows.claimed(['t', 'w'])).map((claim) => ({ ...claim }))
      assert.deepEqual(claimed, [{ target: 't', qualifier: 'default', source: 'u' }])
    })

    it('knows which requests may have been carried out, until their outcomes are certain', async () => {
      const repository = await open()
      const [{ rows }, other] = [await newRun(repository, 'one'), await newRun(repository, 'two')]
      await rows.add([row('a'), row('b'), row('c'), row('d', { action: 'UPDATE', targetId: 't' })], false)
      const [a, b, c, d] = (await rows.waiting(0, 10)) as [Row, Row, Row, Row]
      for (const one of [a, b, c]) one.intent = { kind: 'id', id: `new-${one.sourceId}` }
      d.intent = { kind: 'write', id: 't' }
      await rows.intend([a, b, c, d])
      assert.deepEqual(await rows.waiting(0, 10), [])
      const intended = await rows.unsettled(0, 10)
      assert.deepEqual(
        intended.map(({ status, targetId, intent }) => [status, targetId, intent?.id]),
        [
          ['INTENDED', null, 'new-a'],
          ['INTENDED', null, 'new-b'],
          ['INTENDED', null, 'new-c'],
          ['INTENDED', 't', 't'],
        ],
      )
      await rows.finish([done(a.key, 'a', 'new-a'), { ...b, status: 'FAILURE' }], false)
      await rows.replan([c, { ...d, intent: null }])
      assert.deepEqual(
        (await rows.unsettled(0, 10)).map(({ sourceId, status }) => [sourceId, status]),
        [
          ['b', 'FAILURE'],
          ['c', null],
        ],
      )
      assert.deepEqual(
        (await rows.waiting(0, 10)).map(({ sourceId, targetId, intent }) => [sourceId, targetId, intent]),
        [
          ['c', null, { kind: 'id', id: 'new-c' }],
          ['d', 't', null],
        ],
      )
      const elsewhere = await other.rows.unsettledCreations('m')
      assert.deepEqual(
        elsewhere.map(({ sourceId }) => sourceId),
        ['b', 'c'],
      )
      assert.equal((await other.rows.unsettledCreations('m', 'c'))[0]?.sourceId, 'c')
      assert.deepEqual(await other.rows.unsettledCreations('m', 'd'), [])
      assert.deepEqual(await rows.unsettledCreations('m'), [])
    })

    it('has what undoing its rows needs, from the last to the first, until that is purged', async () => {
      const repository = await open()
      const { number, rows } = await newRun(repository, 'r')
      const changes = [{ field: '/a', from: 1, to: 2 }]
      await rows.add(
        [
          row('a', { action: 'UPDATE', targetId: 't', changes }),
          row('b', { action: 'DELETE', targetId: 'gone' }),
          row('same', { action: 'UPDATE', targetId: 's', status: 'SUCCESS' }),
          row('c'),
        ],
        false,
      )
      const [a, b, c] = (await rows.waiting(0, 10)) as [Row, Row, Row]
      const target = { _id: 'gone', mail: 'g@x' }
      await rows.intend([a, { ...b, before: { target } }, c])
      const after = { linked: true, created: { mail: 'digest' } } as const
      await rows.finish([{ ...a, status: 'SUCCESS' }], true)
      await rows.finish([{ ...b, status: 'SUCCESS', after: { writes: 2 } }], true)
      await rows.finish([{ ...c, status: 'FAILURE', after }], true)
      const shown = (written: readonly Row[]) =>
        written.map((one) => [one.sourceId, one.changes, one.before, one.after] as const)
      assert.deepEqual(shown(await rows.written(Number.MAX_SAFE_INTEGER, 10)), [
        ['c', null, undefined, after],
        ['b', null, { target }, { writes: 2 }],
        ['a', changes, undefined, undefined],
      ])
      assert.deepEqual(shown(await rows.writtenByKeys([b.key])), [['b', null, { target }, { writes: 2 }]])
      await repository.runs().removeUnwritten(number)
      assert.deepEqual(
        (await rows.after(0, 10)).map(({ sourceId }) => sourceId),
        ['a', 'b', 'c'],
      )
      await repository.runs().removeImages(number)
      assert.deepEqual(shown(await rows.writtenByKeys([b.key])), [['b', null, undefined, undefined]])
    })

    it('is counted by outcome', async () => {
      const { rows } = await newRun(await open(), 'r')
      const changes = [{ field: '/a', from: null, to: 1 }]
      await rows.add([row('a', { claims: true }), row('b', { status: 'SUCCESS', changes, targetId: 't' })], false)
      const common = { phase: 'source', situation: 'ABSENT', action: 'CREATE', count: 1 }
      assert.deepEqual(
        (await rows.tally()).map((tally) => ({ ...tally })),
        [
          { ...common, status: null, claims: 1, targets: 0, changing: 0 },
          { ...common, status: 'SUCCESS', claims: 0, targets: 1, changing: 1 },
        ],
      )
    })
  })

  describe('the places of rows', () => {
    const places = [row('a'), row('b')].map(placeOfRow)
    const sourcesAt = async ({ rows }: Stored) =>
      [...(await rows.atPlaces(places)).values()].map(({ sourceId }) => sourceId)

    it('are found again when rows that were moved come back', async () => {
      const repository = await open()
      const runs = repository.runs()
      const [plan, run] = [await newRun(repository, 'p'), await newRun(repository, 'r')]
      await plan.rows.add([row('a'), row('b')], true)
      await runs.moveRows(plan.number, run.number)
      assert.deepEqual(await sourcesAt(plan), [])
      await runs.returnRows(run.number, plan.number)
      assert.deepEqual(await sourcesAt(plan), ['a', 'b'])
    })

    it('are those of the new plan when a run plans again', async () => {
      const repository = await open()
      const plan = await newRun(repository, 'p')
      await plan.rows.add([row('a'), row('b')], true)
      assert.deepEqual(await sourcesAt(plan), ['a', 'b'])
      await repository.runs().restart(plan.number)
      await plan.rows.add([row('b'), row('a')], true)
      assert.deepEqual(await sourcesAt(plan), ['a', 'b'])
    })
  })

  describe('sources that could not be assessed', () => {
    const failed = (id: string | null) => row('', { sourceId: id, situation: '', status: 'FAILURE' })
    const assessed = (id: string) => row(id, { status: 'SUCCESS' })

    it('are listed once, without those that a later run of the mapping has assessed', async () => {
      const repository = await open()
      const runs = repository.runs()
      const { rows } = await newRun(repository, 'r')
      await rows.add([failed('a'), failed('b'), failed('b'), failed(null), assessed('c')], false)
      assert.deepEqual(await rows.unassessed('m'), ['a', 'b', null])
      const other = { id: 'o', mapping: 'other', state: 'SUCCESS', isAnalysis: false, persists: false, content: {} }
      await runs.rows(await runs.insert(other)).add([assessed('a')], false)
      const later = await newRun(repository, 'l')
      await later.rows.add([assessed('b'), failed('a')], false)
      assert.deepEqual(await rows.unassessed('m'), ['a', null])
    })
  })

  describe('a run', () => {
    it('keeps what resuming it needs', async () => {
      const repository = await open()
      const { number, rows } = await newRun(repository, 'r')
      const runs = repository.runs()
      assert.equal((await runs.find('r'))?.resume, null)
      await runs.keep(number, { a: 1 })
      await rows.add([row('a')], true)
      await runs.restart(number)
      assert.deepEqual((await runs.find('r'))?.resume, { a: 1 })
      assert.deepEqual(await rows.after(0, 10), [])
    })
  })
}
