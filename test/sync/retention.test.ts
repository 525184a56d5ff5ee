import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import type { StoredRun } from '../../lib/repo/runs/run-store.ts'
import { listedAssociations, outdated } from '../../lib/sync/runs/retention.ts'

const NOW = Date.parse('2026-11-29T12:00:00Z')
const DAY_MS = 86_400_000
const at = (days: number) => new Date(NOW + days * DAY_MS).toISOString()

type Parts = Partial<Omit<StoredRun, 'content'>> & { readonly content?: JsonObject }

const run = (id: string, { content, ...parts }: Parts = {}): StoredRun => ({
  ...{ id, number: 0, mapping: 'm', state: 'SUCCESS', isAnalysis: false, persists: true, resume: null },
  content: { ended: at(-30), ...content },
  ...parts,
})

const plan = (id: string, validUntil: string | null, parts: Parts = {}) =>
  run(id, { isAnalysis: true, content: { plan: { validUntil, executions: [] } }, ...parts })

/** A run that ended some days ago and can be undone; 5 days are kept. */
const undoable = (id: string, days: number, content: JsonObject = { progress: { target: { updated: 1 } } }) =>
  run(id, { content: { ended: at(-days), keepsBefore: true, ...content } })

const deferring = (id: string, parts: Parts = {}) => run(id, { content: { statusSummary: { DEFERRED: 2 } }, ...parts })

/** Name, runs from the oldest to the latest, those that are removed where two are kept. */
const TABLE: [string, StoredRun[], string[]][] = [
  ['no run', [], []],
  ['as many as are kept', [run('a'), run('b')], []],
  ['more: the oldest', [run('a'), run('b'), run('c'), run('d')], ['b', 'a']],
  ['each mapping by itself', [run('a'), run('x', { mapping: 'n' }), run('b')], []],
  ['runs that are active do not count', [run('a'), run('b'), run('c', { state: 'ACTIVE' })], []],
  ['an active one is never removed', [run('a', { state: 'ACTIVE' }), run('b'), run('c'), run('d')], ['b']],
  ['a valid plan stays', [plan('a', at(1)), run('b'), run('c')], []],
  ['a plan without end stays', [plan('a', null), run('b'), run('c')], []],
  ['an expired plan goes', [plan('a', at(-1)), run('b'), run('c')], ['a']],
  ['a plan that was carried out goes', [plan('a', at(1), { persists: false }), run('b'), run('c')], ['a']],
  ['a plan of an analysis that failed goes', [plan('a', at(1), { state: 'FAILED' }), run('b'), run('c')], ['a']],
  ['what can be resumed stays', [run('a', { state: 'FAILED', content: { resumable: true } }), run('b'), run('c')], []],
  ['what cannot be decrypted stays', [run('a', { unreadable: 'is encrypted' }), run('b'), run('c')], []],
  ['a removed mapping: what cannot be decrypted, too', [run('a', { mapping: 'gone', unreadable: 'is encrypted' })], []],
  ['what failed goes', [run('a', { state: 'FAILED' }), run('b'), run('c')], ['a']],
  ['deferred rows stay', [deferring('a'), run('b'), run('c')], []],
  ['those of the last run that has some', [deferring('a'), deferring('b'), run('c'), run('d')], ['a']],
  ['what can be undone stays', [undoable('a', 4), run('b'), run('c')], []],
  ['not for longer than that', [undoable('a', 6), run('b'), run('c')], ['a']],
  ['nor if it wrote nothing', [undoable('a', 4, { progress: { target: { updated: 0 } } }), run('b'), run('c')], ['a']],
  ['a link is something', [undoable('a', 4, { progress: { links: { created: 1 } } }), run('b'), run('c')], []],
  ['a removed mapping: after a week', [run('a', { mapping: 'gone' })], ['a']],
  ['a removed mapping: not before', [run('a', { mapping: 'gone', content: { ended: at(-6) } })], []],
  ['a removed mapping: valid plans, too', [plan('a', null, { mapping: 'gone' })], ['a']],
  ['a removed mapping: what cannot be read', [run('a', { mapping: 'gone', content: { ended: '' } })], ['a']],
]

describe('retention of reconciliations', () => {
  const rulesOf = (mapping: string) => (mapping === 'gone' ? undefined : { keepRuns: 2, keepBeforeFor: 5 * DAY_MS })
  for (const [name, runs, removed] of TABLE)
    it(name, () => {
      assert.deepEqual(
        outdated(runs, rulesOf, NOW).runs.map(({ id }) => id),
        removed,
      )
    })

  it('purges what undoing needs after its time, among the last runs too, and not while a run can be resumed', () => {
    const resumable = undoable('c', 6, { resumable: true })
    const purged = outdated([undoable('a', 4), undoable('b', 6), resumable], rulesOf, NOW).images
    assert.deepEqual(
      purged.map(({ id }) => id),
      ['b'],
    )
  })

  it('reduces runs that are kept to be undone, once', () => {
    const reduced = undoable('b', 4, { progress: { target: { updated: 1 } }, isReduced: true })
    const { unwritten } = outdated([undoable('a', 4), reduced, undoable('c', 1), run('d')], rulesOf, NOW)
    assert.deepEqual(
      unwritten.map(({ id }) => id),
      ['a'],
    )
  })
})

describe('the list of associations', () => {
  const runs = [
    run('a', { isAnalysis: true }),
    run('b'),
    run('c', { isAnalysis: true }),
    run('d', { persists: false }),
    run('e'),
  ]
  const listed = (limits?: [number, number]) =>
    listedAssociations(runs, () => ({
      reconAssociation: limits && { maxAnalysisRunsPerMapping: limits[0], maxNonAnalysisRunsPerMapping: limits[1] },
    })).map(({ id }) => id)

  it('has all that are kept', () => assert.deepEqual(listed(), ['a', 'b', 'c', 'e']))
  it('has as many of either kind as reconAssociation says', () => assert.deepEqual(listed([0, 1]), ['e']))
  it('has the latest', () => assert.deepEqual(listed([1, 2]), ['b', 'c', 'e']))
})
