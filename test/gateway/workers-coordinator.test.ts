import assert from 'node:assert/strict'
import type { ToWorker } from '../../lib/gateway/link/messages.ts'
import { type Member, WorkerCoordinator } from '../../lib/gateway/workers/coordinator.ts'

/** Members of a coordinator, each with what it was told. */
function membersOf(coordinator: WorkerCoordinator, count: number): (Member & { readonly told: ToWorker[] })[] {
  return Array.from({ length: count }, () => {
    const told: ToWorker[] = []
    const member = { told, send: (message: ToWorker) => void told.push(message) }
    coordinator.join(member)
    return member
  })
}

describe('WorkerCoordinator', () => {
  it('gives turns in the order of asking, one at a time for each key', () => {
    const coordinator = new WorkerCoordinator()
    const [a, b, c] = membersOf(coordinator, 3)
    assert.ok(a && b && c)
    for (const [id, member] of [a, b, c].entries())
      coordinator.receive(member, { type: 'acquire', id, kind: 'exclusive', key: 'x' })
    coordinator.receive(c, { type: 'acquire', id: 7, kind: 'exclusive', key: 'y' })
    assert.deepEqual([a.told, b.told, c.told], [[{ type: 'acquired', id: 0 }], [], [{ type: 'acquired', id: 7 }]])
    coordinator.receive(a, { type: 'release', id: 0 })
    assert.deepEqual(b.told, [{ type: 'acquired', id: 1 }])
    coordinator.receive(b, { type: 'release', id: 1 })
    assert.deepEqual(c.told.at(-1), { type: 'acquired', id: 2 })
  })

  it('hands the outcome of a shared piece of work to those who asked meanwhile, and to nobody later', () => {
    const coordinator = new WorkerCoordinator()
    const [a, b, c] = membersOf(coordinator, 3)
    assert.ok(a && b && c)
    for (const [id, member] of [a, b].entries())
      coordinator.receive(member, { type: 'acquire', id, kind: 'shared', key: 'x' })
    const outcome = { result: 'token' }
    coordinator.receive(a, { type: 'release', id: 0, outcome })
    assert.deepEqual(b.told, [{ type: 'outcome', id: 1, outcome }])
    coordinator.receive(c, { type: 'acquire', id: 2, kind: 'shared', key: 'x' })
    assert.deepEqual(c.told, [{ type: 'acquired', id: 2 }])
  })

  it('a member that dies with its turn leaves it to the next', () => {
    const coordinator = new WorkerCoordinator()
    const [a, b] = membersOf(coordinator, 2)
    assert.ok(a && b)
    for (const [id, member] of [a, b].entries())
      coordinator.receive(member, { type: 'acquire', id, kind: 'shared', key: 'x' })
    coordinator.leave(a)
    assert.deepEqual(b.told, [{ type: 'acquired', id: 1 }])
  })

  it('has all others look again, and tells the asker when the last has', () => {
    const coordinator = new WorkerCoordinator()
    const [a, b, c] = membersOf(coordinator, 3)
    assert.ok(a && b && c)
    coordinator.receive(a, { type: 'rescan', id: 5 })
    const [asked] = b.told
    assert.ok(asked?.type === 'rescan')
    assert.deepEqual([a.told, c.told], [[], [asked]])
    coordinator.receive(b, { type: 'rescanned', id: asked.id })
    assert.deepEqual(a.told, [])
    coordinator.leave(c)
    assert.deepEqual(a.told, [{ type: 'rescanned', id: 5 }], 'one that is gone is not waited for')
  })

  it('one alone has nobody to wait for', () => {
    const coordinator = new WorkerCoordinator()
    const [a] = membersOf(coordinator, 1)
    assert.ok(a)
    coordinator.receive(a, { type: 'rescan', id: 1 })
    assert.deepEqual(a.told, [{ type: 'rescanned', id: 1 }])
  })

  it('gathers what the others have, without those that fail or leave', () => {
    const coordinator = new WorkerCoordinator()
    const [a, b, c, d] = membersOf(coordinator, 4)
    assert.ok(a && b && c && d)
    coordinator.receive(a, { type: 'gather', id: 7, topic: 'metrics', about: 'x' })
    assert.deepEqual([a.told, b.told], [[], [{ type: 'gather', id: 1, topic: 'metrics', about: 'x' }]])
    coordinator.receive(b, { type: 'part', id: 1, part: [1] })
    coordinator.receive(b, { type: 'part', id: 1, part: [2] })
    coordinator.receive(c, { type: 'part', id: 1, part: null })
    assert.deepEqual(a.told, [])
    coordinator.leave(d)
    assert.deepEqual(a.told, [{ type: 'gathered', id: 7, parts: [[1]] }])
  })

  it('gathers nothing when there is one', () => {
    const coordinator = new WorkerCoordinator()
    const [a] = membersOf(coordinator, 1)
    assert.ok(a)
    coordinator.receive(a, { type: 'gather', id: 7, topic: 'metrics', about: 'x' })
    assert.deepEqual(a.told, [{ type: 'gathered', id: 7, parts: [] }])
  })
})
