import assert from 'node:assert/strict'
import { SerialQueue } from '../../lib/core/serial-queue.ts'

describe('serial queue', () => {
  it('runs one task after the other, in their order', async () => {
    const queue = new SerialQueue()
    const first = Promise.withResolvers<string>()
    const events: string[] = []
    const results = [
      queue.add(async () => {
        events.push('first begins')
        const value = await first.promise
        events.push('first ends')
        return value
      }),
      queue.add(() => {
        events.push('second')
        return 'two'
      }),
    ]
    await Promise.resolve()
    assert.deepEqual(events, ['first begins'])
    first.resolve('one')
    assert.deepEqual(await Promise.all(results), ['one', 'two'])
    assert.deepEqual(events, ['first begins', 'first ends', 'second'])
  })

  it('goes on after a task that fails, whose error only its caller gets', async () => {
    const queue = new SerialQueue()
    const failed = queue.add(() => Promise.reject(new Error('boom')))
    const next = queue.add(() => 'next')
    await assert.rejects(failed, /boom/)
    assert.equal(await next, 'next')
  })

  it('is idle when the tasks that it was given have ended', async () => {
    const queue = new SerialQueue()
    let isDone = false
    const task = Promise.withResolvers<void>()
    void queue.add(async () => {
      await task.promise
      isDone = true
    })
    setImmediate(() => task.resolve())
    await queue.idle()
    assert.ok(isDone)
  })
})
