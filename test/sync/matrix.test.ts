import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { ACTIONS } from '../../lib/sync/action.ts'
import { ALLOWED_ACTIONS, defaultAction } from '../../lib/sync/situation.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { until } from '../helpers/until.ts'
import {
  checkAudit,
  checkEntry,
  checkLink,
  checkTarget,
  counted,
  finished,
  targetEffect,
  writeOf,
} from './matrix-checks.ts'
import { CASES, CHOICES, EFFECTS, ROWS } from './matrix-rows.ts'
import { type Matrix, startMatrix } from './matrix-stage.ts'

describe('the tables of situations and actions', () => {
  it('are those that the code has', () => {
    for (const { situation, actions, phase } of CASES) {
      assert.equal(defaultAction(situation), actions[0])
      // Confirmed by its target, a pair is offered one action less than confirmed by its source.
      const offered = ALLOWED_ACTIONS[situation].filter((action) => phase === 'source' || actions.includes(action))
      assert.deepEqual([...offered].sort(), [...actions].sort())
    }
    assert.deepEqual(new Set(CHOICES), new Set(['default', ...ACTIONS]))
  })
})

for (const direction of ['remote to remote', 'remote to local', 'local to remote'] as const)
  describe(`every situation with every action that it allows, ${direction}, between gateways`, () => {
    ownedBySuite()
    let matrix: Matrix

    before(async () => {
      matrix = await startMatrix(direction)
    })

    for (const row of ROWS)
      it(`${row.name} (${row.phase} phase): ${row.situation}, ${row.choice === 'default' ? `by default ${row.action}` : row.action}`, () => {
        checkEntry(matrix, row)
        checkAudit(matrix, row)
        checkTarget(matrix, row)
        checkLink(matrix, row)
      })

    for (const choice of CHOICES)
      it(`${choice}: the run counts what its objects say`, () => {
        const own = ROWS.filter((row) => row.choice === choice)
        const { run, entries } = finished(matrix, choice)
        assert.deepEqual([run.state, entries.length], ['SUCCESS', own.length])
        const summary = Object.entries(run.situationSummary as JsonObject).filter(([, count]) => count !== 0)
        assert.deepEqual(Object.fromEntries(summary), counted(own.map(({ situation }) => situation)))
        const statuses = counted(own.map(({ action }) => EFFECTS[action].status))
        assert.deepEqual(run.statusSummary, { SUCCESS: 0, FAILURE: 0, ...statuses })
        const effects = counted(own.map((row) => targetEffect(row)))
        const { created = 0, updated = 0, deleted = 0 } = effects
        const { existing: _, ...progress } = (run.progress as Record<string, JsonObject>).target ?? {}
        assert.deepEqual(progress, { created, unchanged: 0, updated, deleted })
      })

    it('the dry runs have touched nothing', () => {
      assert.deepEqual(matrix.planned, matrix.before)
    })

    it('no source was touched, and no target besides', () => {
      assert.deepEqual(matrix.after.sources, matrix.before.sources)
      const expected = ROWS.filter((row) => targetEffect(row) === 'created').length
      const gone = ROWS.filter((row) => targetEffect(row) === 'deleted').length
      assert.equal(matrix.after.targets.size, matrix.before.targets.size + expected - gone)
    })

    it('the remotes were asked to write that and nothing else', async () => {
      const { source, target, writes } = matrix
      if (source.isRemote) assert.deepEqual(writes(source), [])
      if (!target.isRemote) return
      const expected = ROWS.flatMap(writeOf).sort()
      // A line is written when its connection has taken the answer.
      await until(() => writes(target).length >= expected.length)
      // The ids of new objects are random.
      const lines = writes(target).map((line) => line.replace(/^(PUT .*\/)[0-9a-f-]{36}$/, '$1ID'))
      assert.deepEqual(lines.sort(), expected)
    })
  })
