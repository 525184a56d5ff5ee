import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { Bounded, DeadlineQueue } from '../../lib/core/deadline-queue.ts'

const MS = 40

class Waiting extends Bounded {
  readonly #told: () => void

  constructor(told: () => void) {
    super()
    this.#told = told
  }

  override expired(): void {
    this.#told()
  }
}

/** What has expired, in its order, and an event for each. */
function stage(ms: number) {
  const queue = new DeadlineQueue(ms)
  const events = new EventEmitter()
  const expired: { name: string; after: number }[] = []
  const bounded = (name: string) => {
    const added = performance.now()
    return new Waiting(() => {
      expired.push({ name, after: performance.now() - added })
      events.emit('expired')
    })
  }
  return { queue, expired, bounded, next: () => once(events, 'expired') }
}

describe('DeadlineQueue', () => {
  it('tells each when its time is over, in order, and not before', async () => {
    const { queue, expired, bounded, next } = stage(MS)
    queue.add(bounded('first'))
    await next()
    queue.add(bounded('second'))
    queue.add(bounded('third'))
    while (expired.length < 3) await next()
    assert.deepEqual(
      expired.map(({ name }) => name),
      ['first', 'second', 'third'],
    )
    for (const { after } of expired) assert.ok(after > MS - 3, `${after} ms`)
  })

  it('forgets what is over in time, and goes on with the others', async () => {
    const { queue, expired, bounded, next } = stage(MS)
    const over = bounded('over')
    queue.add(over)
    queue.add(bounded('late'))
    queue.delete(over)
    await next()
    assert.deepEqual(
      expired.map(({ name }) => name),
      ['late'],
    )
  })

  it('begins anew for what is added again', async () => {
    const { queue, expired, bounded, next } = stage(MS)
    const again = bounded('again')
    queue.add(again)
    queue.add(bounded('other'))
    queue.add(again)
    while (expired.length < 2) await next()
    assert.deepEqual(
      expired.map(({ name }) => name),
      ['other', 'again'],
    )
  })

  it('lets one that expires add another, or take one away', async () => {
    const { queue, expired, bounded, next } = stage(MS)
    const taken = bounded('taken')
    const added = bounded('added')
    queue.add(
      new Waiting(() => {
        queue.delete(taken)
        queue.add(added)
      }),
    )
    queue.add(taken)
    await next()
    assert.deepEqual(
      expired.map(({ name }) => name),
      ['added'],
    )
  })

  for (const ms of [0, Number.POSITIVE_INFINITY, 2 ** 40]) {
    it(`tells nobody in the time of this test: ${ms} ms`, async () => {
      const endless = stage(ms)
      endless.queue.add(endless.bounded('endless'))
      const { queue, bounded, next } = stage(MS)
      queue.add(bounded('ending'))
      await next()
      assert.deepEqual(endless.expired, [])
    })
  }
})
