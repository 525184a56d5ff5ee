import assert from 'node:assert/strict'
import { cutAfter, cutBefore, errorAnswer, respond } from '../../helpers/fake-idm/fake-idm.ts'
import { USERS } from '../fake-stage.ts'
import { type TwoWayOptions, told, twoWayStage } from './two-way-stage.ts'

const AUTHORITIES = ['source', 'target', 'exception'] as const

/** A pair whose change at `one` is being written when the connection is cut: nothing is agreed on after it. */
async function interrupted(conflict: string, isDone: boolean, options: TwoWayOptions = {}) {
  const stage = await twoWayStage({ ab: { conflict }, ...options })
  await stage.pair('u', { sn: 'Old', mail: 'old@x.com' })
  stage.edit('one', { sn: 'New' })
  const cut = stage.two.intercept(`PATCH ${USERS}/*`, isDone ? cutAfter() : cutBefore())
  assert.equal((await stage.carry('ab')).status, 'FAILURE')
  cut.remove()
  stage.written()
  return stage
}

describe('a write between two instances of which nobody knows whether it was carried out', () => {
  for (const conflict of AUTHORITIES)
    for (const isDone of [true, false]) {
      const what = `${isDone ? 'it was' : 'it was not'}, with conflict ${conflict}`
      it(`${what}: both sides become equal again`, async () => {
        const stage = await interrupted(conflict, isDone)
        await stage.carry('ba')
        await stage.carry('ab')
        assert.deepEqual([stage.values('sn'), stage.written()], ['New', isDone ? 0 : 1])
      })

      for (const first of ['ab', 'ba'] as const)
        it(`${what}: a later change of the source is carried over, ${first} runs first`, async () => {
          const stage = await interrupted(conflict, isDone)
          stage.edit('one', { sn: 'Newer' })
          await stage.carry(first)
          await stage.carry(first === 'ab' ? 'ba' : 'ab')
          assert.equal(stage.values('sn'), 'Newer')
        })

      it(`${what}: a later change of the target is not overwritten`, async () => {
        const stage = await interrupted(conflict, isDone)
        stage.edit('two', { sn: 'Newer' })
        assert.equal((await stage.carry('ab')).status, 'FAILURE')
        assert.equal((await stage.carry('ba')).status, 'FAILURE')
        assert.deepEqual([stage.values('sn'), stage.written()], [['New', 'Newer'], 0])
        await stage.carry('ba', { conflict: 'source' })
        assert.equal(stage.values('sn'), 'Newer')
      })
    }

  it('is forgotten where the target has refused it', async () => {
    const stage = await twoWayStage({ ab: { conflict: 'target' } })
    await stage.pair('u', { sn: 'Old', mail: 'old@x.com' })
    stage.edit('one', { sn: 'New' })
    const refusal = stage.two.intercept(`PATCH ${USERS}/*`, respond(errorAnswer(403, 'No')))
    assert.equal((await stage.carry('ab')).status, 'FAILURE')
    refusal.remove()
    stage.edit('two', { sn: 'Newer' })
    assert.equal(told(await stage.carry('ab')), 'UPDATE SUCCESS /sn "Newer"→"New" kept conflict target')
    await stage.carry('ba')
    assert.equal(stage.values('sn'), 'Newer')
  })
})
