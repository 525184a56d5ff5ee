import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { startStage } from './parts.ts'

describe('a reconciliation', () => {
  it('creates what is absent, and finds everything confirmed the next time', async () => {
    const stage = await startStage()
    await stage.put('a', '1', { name: 'amira', mail: 'a@x' })
    await stage.put('a', '2', { name: 'bo' })
    const first = await stage.run()
    assert.equal(first.state, 'SUCCESS', String(first.stageDescription))
    assert.deepEqual(await stage.entries(first), { 1: 'ABSENT CREATE SUCCESS', 2: 'ABSENT CREATE SUCCESS' })
    assert.equal((await stage.ids('b')).length, 2)
    assert.equal((await stage.links()).length, 2)
    const second = await stage.run()
    assert.deepEqual(await stage.entries(second), { 1: 'CONFIRMED UPDATE SUCCESS', 2: 'CONFIRMED UPDATE SUCCESS' })
    assert.deepEqual((second.progress as Record<string, unknown>).target, {
      existing: { processed: 2, total: '2' },
      created: 0,
      unchanged: 2,
      updated: 0,
      deleted: 0,
    })
  })

  it('has every situation of its two phases', async () => {
    const stage = await startStage({ mapping: { sourceCondition: '! (/source/out eq true)' } })
    const objects: Record<string, JsonObject> = {
      confirmed: { name: 'confirmed', mail: 'old' },
      missing: { name: 'missing' },
      unqualified: { name: 'unqualified' },
      gone: { name: 'gone' },
    }
    for (const [id, content] of Object.entries(objects)) await stage.put('a', id, content)
    await stage.run()
    const targetOf = async (name: string) => {
      const { result } = await stage.connection.query('b', { _queryFilter: `name eq "${name}"` })
      return String(result[0]?._id)
    }
    await stage.connection.update('a/confirmed', null, { name: 'confirmed', mail: 'new' })
    await stage.connection.delete(`b/${await targetOf('missing')}`, null)
    await stage.connection.update('a/unqualified', null, { name: 'unqualified', out: true })
    await stage.connection.delete('a/gone', null)
    await stage.put('a', 'absent', { name: 'absent' })
    await stage.put('a', 'found', { name: 'Found' })
    await stage.put('a', 'taken', { name: 'confirmed' })
    await stage.put('a', 'twins', { name: 'twin' })
    await stage.put('a', 'ignored', { name: 'ignored', out: true })
    await stage.put('b', 'f', { name: 'found' })
    await stage.put('b', 't1', { name: 'twin' })
    await stage.put('b', 't2', { name: 'twin' })
    await stage.put('b', 'lonely', { name: 'lonely' })
    const run = await stage.run()
    assert.equal(run.state, 'SUCCESS', String(run.stageDescription))
    assert.deepEqual(await stage.entries(run), {
      confirmed: 'CONFIRMED UPDATE SUCCESS',
      missing: 'MISSING EXCEPTION FAILURE',
      unqualified: 'UNQUALIFIED DELETE SUCCESS',
      gone: 'SOURCE_MISSING EXCEPTION FAILURE',
      absent: 'ABSENT CREATE SUCCESS',
      found: 'FOUND UPDATE SUCCESS',
      taken: 'FOUND_ALREADY_LINKED EXCEPTION FAILURE',
      twins: 'AMBIGUOUS EXCEPTION FAILURE',
      ignored: 'SOURCE_IGNORED IGNORE SUCCESS',
      lonely: 'UNASSIGNED EXCEPTION FAILURE',
    })
    assert.deepEqual(
      await stage.connection.read(`b/${await targetOf('confirmed')}`, null, ['mail']).then((o) => o?.mail),
      'new',
    )
    assert.equal(await targetOf('unqualified'), 'undefined')
  })
})
