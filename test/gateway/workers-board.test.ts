import assert from 'node:assert/strict'
import type { ToWorker } from '../../lib/gateway/link/messages.ts'
import { type Member, WorkersBoard } from '../../lib/gateway/workers/board.ts'

/** Members of a board, each with what it was told. */
function membersOf(board: WorkersBoard, count: number): (Member & { readonly told: ToWorker[] })[] {
  return Array.from({ length: count }, () => {
    const told: ToWorker[] = []
    const member = { told, send: (message: ToWorker) => void told.push(message) }
    board.join(member)
    return member
  })
}

describe('WorkersBoard', () => {
  it('gives turns in the order of asking, one at a time for each key', () => {
    const board = new WorkersBoard()
    const [a, b, c] = membersOf(board, 3)
    assert.ok(a && b && c)
    for (const [id, member] of [a, b, c].entries()) board.receive(member, { type: 'turn', id, kind: 'alone', key: 'x' })
    board.receive(c, { type: 'turn', id: 7, kind: 'alone', key: 'y' })
    assert.deepEqual([a.told, b.told, c.told], [[{ type: 'go', id: 0 }], [], [{ type: 'go', id: 7 }]])
    board.receive(a, { type: 'over', id: 0 })
    assert.deepEqual(b.told, [{ type: 'go', id: 1 }])
    board.receive(b, { type: 'over', id: 1 })
    assert.deepEqual(c.told.at(-1), { type: 'go', id: 2 })
  })

  it('hands the outcome of a shared piece of work to those who asked meanwhile, and to nobody later', () => {
    const board = new WorkersBoard()
    const [a, b, c] = membersOf(board, 3)
    assert.ok(a && b && c)
    for (const [id, member] of [a, b].entries()) board.receive(member, { type: 'turn', id, kind: 'share', key: 'x' })
    const outcome = { result: 'token' }
    board.receive(a, { type: 'over', id: 0, outcome })
    assert.deepEqual(b.told, [{ type: 'outcome', id: 1, outcome }])
    board.receive(c, { type: 'turn', id: 2, kind: 'share', key: 'x' })
    assert.deepEqual(c.told, [{ type: 'go', id: 2 }])
  })

  it('a member that dies with its turn leaves it to the next', () => {
    const board = new WorkersBoard()
    const [a, b] = membersOf(board, 2)
    assert.ok(a && b)
    for (const [id, member] of [a, b].entries()) board.receive(member, { type: 'turn', id, kind: 'share', key: 'x' })
    board.leave(a)
    assert.deepEqual(b.told, [{ type: 'go', id: 1 }])
  })

  it('has all others look again, and tells the asker when the last has', () => {
    const board = new WorkersBoard()
    const [a, b, c] = membersOf(board, 3)
    assert.ok(a && b && c)
    board.receive(a, { type: 'rescan', id: 5 })
    const [asked] = b.told
    assert.ok(asked?.type === 'rescan')
    assert.deepEqual([a.told, c.told], [[], [asked]])
    board.receive(b, { type: 'rescanned', id: asked.id })
    assert.deepEqual(a.told, [])
    board.leave(c)
    assert.deepEqual(a.told, [{ type: 'rescanned', id: 5 }], 'one that is gone is not waited for')
  })

  it('one alone has nobody to wait for', () => {
    const board = new WorkersBoard()
    const [a] = membersOf(board, 1)
    assert.ok(a)
    board.receive(a, { type: 'rescan', id: 1 })
    assert.deepEqual(a.told, [{ type: 'rescanned', id: 1 }])
  })
})
