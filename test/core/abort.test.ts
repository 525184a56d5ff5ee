import assert from 'node:assert/strict'
import { untilAborted } from '../../lib/core/abort.ts'

const REASON = new Error('enough')

describe('untilAborted', () => {
  it('hands on what the work gives, promised or not', async () => {
    const { signal } = new AbortController()
    assert.equal(await untilAborted(1, undefined), 1)
    assert.equal(await untilAborted(1, signal), 1)
    assert.equal(await untilAborted(Promise.resolve(2), signal), 2)
    await assert.rejects(untilAborted(Promise.reject(REASON), signal), REASON)
  })

  it('rejects at once when the caller has left already', async () => {
    const signal = AbortSignal.abort(REASON)
    await assert.rejects(untilAborted(1, signal), REASON)
    await assert.rejects(untilAborted(new Promise(() => undefined), signal), REASON)
  })

  it('ends the wait, not the work', async () => {
    const controller = new AbortController()
    const work = Promise.withResolvers<number>()
    const waiting = untilAborted(work.promise, controller.signal)
    controller.abort(REASON)
    await assert.rejects(waiting, REASON)
    work.resolve(3)
    assert.equal(await work.promise, 3)
  })
})
