import assert from 'node:assert/strict'
import { type Intent, newRow } from '../../lib/repo/runs/run-row.ts'
import { holds, type SettlementFacts, settle } from '../../lib/sync/apply/settlement.ts'

const NOTHING: SettlementFacts = { isLinked: false, target: null, sent: undefined, candidates: undefined }
const THERE = { _id: 't', sn: 'x' }

const TABLE: readonly (readonly [
  title: string,
  action: string,
  intent: Intent['kind'],
  facts: Partial<SettlementFacts>,
  expected: ReturnType<typeof settle>,
])[] = [
  ['a creation with an id of ours: the object is there', 'CREATE', 'id', { target: THERE }, 'done'],
  ['a creation with an id of ours: there is no such object', 'CREATE', 'id', {}, 'planned'],
  ['a creation whose source is linked by now', 'CREATE', 'assigned', { isLinked: true }, 'done'],
  ['an id of the mapping: the object holds what was sent', 'CREATE', 'mapped', { target: THERE, sent: THERE }, 'done'],
  [
    'an id of the mapping: the object holds something else',
    'CREATE',
    'mapped',
    { target: THERE, sent: { _id: 't', sn: 'y' } },
    'planned',
  ],
  ['an id of the mapping: what was sent is not known', 'CREATE', 'mapped', { target: THERE }, 'planned'],
  ['an id of the mapping that the target had before', 'CREATE', 'write', { target: THERE, sent: THERE }, 'planned'],
  ['an id of the target: one free target correlates', 'CREATE', 'assigned', { candidates: 1 }, 'done'],
  ['an id of the target: no target correlates', 'CREATE', 'assigned', { candidates: 0 }, 'planned'],
  ['an id of the target, and nothing correlates', 'CREATE', 'assigned', {}, 'unknown'],
  ['the first creation of all: the object is there', 'CREATE', 'probe', { target: THERE }, 'done'],
  ['the first creation of all: one free target correlates', 'CREATE', 'probe', { candidates: 1 }, 'done'],
  ['the first creation of all: it is not there', 'CREATE', 'probe', {}, 'planned'],
  [
    'the first with an id of the mapping: it holds this',
    'CREATE',
    'mappedProbe',
    { target: THERE, sent: THERE },
    'done',
  ],
  ['the first with an id of the mapping: one correlates', 'CREATE', 'mappedProbe', { candidates: 1 }, 'done'],
  [
    'the first with an id of the mapping: the object holds something else',
    'CREATE',
    'mappedProbe',
    { target: THERE, sent: { sn: 'y' }, candidates: 1 },
    'planned',
  ],
  ['writes of scripts before a creation that is there', 'CREATE', 'scripts', { target: THERE }, 'done'],
  ['writes of scripts before a creation that is not', 'CREATE', 'scripts', {}, 'unknown'],
  ['writes of scripts before an update', 'UPDATE', 'scripts', { target: THERE }, 'unknown'],
  ['an update', 'UPDATE', 'write', { target: THERE }, 'planned'],
  ['a link', 'LINK', 'write', { target: THERE }, 'planned'],
  ['a deletion: the target is gone', 'DELETE', 'write', {}, 'done'],
  ['a deletion: the target is there', 'DELETE', 'write', { target: THERE }, 'planned'],
]

describe('what became of a row whose outcome was not stored', () => {
  for (const [title, action, kind, facts, expected] of TABLE)
    it(`${title}: ${expected}`, () => {
      const intent = { kind, id: kind === 'assigned' ? null : 't' }
      assert.equal(
        settle(newRow({ phase: 'source', qualifier: 'default', action, intent }), { ...NOTHING, ...facts }),
        expected,
      )
    })

  it('an object holds what was sent, apart from fields that it does not show', () => {
    assert.ok(holds({ _id: 't', _rev: '1', sn: 'x', more: 1 }, { _id: 't', sn: 'x', password: 'secret' }))
    assert.ok(!holds({ _id: 't', sn: 'x' }, { _id: 't', sn: 'y' }))
  })
})
