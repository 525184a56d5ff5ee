import assert from 'node:assert/strict'
import type { FieldChange } from '../../lib/repo/runs/run-row.ts'
import { newRow } from '../../lib/repo/runs/run-row.ts'
import { ClearedFields, deleteFault } from '../../lib/sync/context/run-guards.ts'
import { type Limit, parseLimit } from '../../lib/sync/mapping/limit.ts'
import { mappingSchema } from '../../lib/sync/mapping/mapping.ts'

describe('a limit', () => {
  it('is a number of objects or a share of the targets', () => {
    assert.deepEqual(parseLimit('25%'), { share: 0.25 })
    assert.deepEqual(parseLimit(5), { count: 5 })
    for (const wrong of ['', '-1', '101%', '1.5', {}, null]) assert.equal(parseLimit(wrong), undefined)
  })
})

describe('a run that would delete much is stopped', () => {
  const table: [planned: number, targets: number, limit: Limit | undefined, stops: boolean][] = [
    [19, 100, undefined, false],
    [20, 100, undefined, true],
    [100, 1000, undefined, false],
    [101, 1000, undefined, true],
    [11, 12, undefined, true],
    [6, 12, undefined, false],
    [4, 4, undefined, false],
    [3, 5, undefined, true],
    [5, 1000, { count: 5 }, false],
    [6, 1000, { count: 5 }, true],
    [11, 12, { share: 1 }, false],
    [1, 12, { count: 0 }, true],
    [2, 12, { share: 0.1 }, true],
  ]
  for (const [planned, targets, limit, stops] of table)
    it(`${planned} of ${targets}, ${limit ? JSON.stringify(limit) : 'no limit named'}: ${stops}`, () => {
      assert.equal(deleteFault(planned, targets, limit) !== undefined, stops)
    })
})

describe('a run that would clear a field widely is stopped', () => {
  const mapping = mappingSchema.parse({
    name: 'm',
    source: 'a',
    target: 'b',
    properties: [{ source: 'mail', target: 'mail' }, { target: 'note' }],
  })
  const clear = (field: string): FieldChange => ({ field, from: 'x', to: null })

  function fault(cleared: readonly FieldChange[], sources: readonly { mail?: string }[], limit?: Limit) {
    const fields = new ClearedFields(mapping)
    fields.see(sources)
    for (const change of cleared) fields.count(newRow({ phase: 'source', qualifier: 'default', changes: [change] }))
    return fields.fault({ sources: sources.length, targets: 20 }, limit)
  }
  const without = Array.from({ length: 10 }, () => ({}))
  const some = [{ mail: 'a@x' }, ...without]

  it('when no source has a value for it', () => {
    assert.match(String(fault([clear('/mail')], without)), /clear \/mail in 1 of 20 targets, and no source has a value/)
    assert.equal(fault([clear('/mail')], some), undefined)
    assert.equal(fault([clear('/note')], without), undefined)
  })

  it('when more than a tenth of the targets lose it, unless a limit allows that', () => {
    const three = [clear('/mail'), clear('/mail'), clear('/mail')]
    assert.match(String(fault(three, some)), /more than maxClears \(10 %\) allows/)
    assert.equal(fault(three, some, { share: 1 }), undefined)
    assert.equal(fault([clear('/mail')], without, { count: 1 }), undefined)
    assert.match(String(fault(three, some, { count: 2 })), /more than maxClears \(2\)/)
  })

  it('not for fields that the target did not hold, nor in a run over few objects', () => {
    assert.equal(fault([{ field: '/mail', from: null, to: [] }], without), undefined)
    assert.equal(fault([clear('/mail')], without.slice(1)), undefined)
  })
})
