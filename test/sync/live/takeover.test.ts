import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { NewEvent } from '../../../lib/repo/queue/event.ts'
import { lostClaims, Takeover } from '../../../lib/sync/live/takeover.ts'
import { tempDir } from '../../helpers/files.ts'
import { silent, tempRepository } from '../../repo/repositories.ts'

const change = (resourceId: string, claim?: string): NewEvent => ({
  ...{ mapping: 'm', collection: 'managed/user', resourceId, action: 'update', claim },
  ...{ objectRev: null, oldObject: null, newObject: null, chain: [], transactionId: null, userId: null },
})

describe('claims', () => {
  const rows = [
    ['of a process that runs', 'live', '11:58:30', '11:50:00', false],
    ['of a process that runs, long ago', 'live', '11:40:00', '11:00:00', true],
    ['of a process that has ended', 'ended', '11:59:59', '11:00:00', true],
    ['of a process that runs, from before this one led', 'live', '11:49:59', '11:50:00', true],
    ['of the same, while it may still ask the new leader', 'live', '11:49:59', '11:59:30', false],
  ] as const
  const at = (time: string) => `2026-01-01T${time}.000Z`
  for (const [title, process, created, begun, isLost] of rows)
    it(`${title}: ${isLost ? 'are lost' : 'are kept'}`, () => {
      const claims = [{ claim: 'c', process, createDate: at(created) }]
      const times = { begun: Date.parse(at(begun)), now: Date.parse(at('12:00:00')) }
      assert.deepEqual(lostClaims(claims, new Set(['ended']), times), isLost ? ['c'] : [])
    })
})

describe('a leader of several processes on one file', () => {
  it('takes over what those have left that have ended, and from none that runs', async () => {
    const file = join(await tempDir(), 'db', 'repo.db')
    const live = new Set(['1', '2'])
    const open = (own: string) => tempRepository({ file, processes: { own, isLive: (one) => live.has(one) } })
    const [leader, other] = [await open('1'), await open('2')]
    const underWay = new Set<string>()
    const isUnderWay = (claim: string) => underWay.has(claim)
    const takeover = new Takeover({ repository: leader, live: { isUnderWay }, log: silent })
    const waiting = async () => (await leader.events().page({}, null, 10)).map(({ resourceId }) => resourceId)
    const [first, second] = [other.events().newClaim(), other.events().newClaim()]
    await other.captures().intend({ events: [change('captured')], sweeps: [] })
    await leader.captures().intend({ events: [change('own')], sweeps: [] })
    await other.events().add([change('forwarded', first), change('lost', second)])
    await takeover.all()
    assert.deepEqual(await waiting(), [])
    live.delete('2')
    // The leader carries out what the other one has asked for before.
    underWay.add(first)
    await takeover.all()
    assert.deepEqual((await waiting()).sort(), ['captured', 'lost'])
    underWay.delete(first)
    await takeover.all()
    assert.deepEqual((await waiting()).sort(), ['captured', 'forwarded', 'lost'])
    assert.deepEqual(await leader.captures().processes(), ['1'])
  })
})
