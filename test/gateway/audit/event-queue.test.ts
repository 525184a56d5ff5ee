import assert from 'node:assert/strict'
import { silentLog } from '../../../lib/core/log.ts'
import {
  type AuditLine,
  type AuditSink,
  EventQueue,
  type EventQueueOptions,
} from '../../../lib/gateway/audit/event-queue.ts'
import { onCleanUp } from '../../helpers/clean-up.ts'
import { until } from '../../helpers/until.ts'

/** Takes each batch when it is let through. */
class HeldSink implements AuditSink {
  readonly written: string[] = []
  #held: { lines: readonly AuditLine[]; resolve: (left: { left: readonly AuditLine[]; fault?: Error }) => void }[] = []

  write(lines: readonly AuditLine[]) {
    return new Promise<{ left: readonly AuditLine[]; fault?: Error }>((resolve) => this.#held.push({ lines, resolve }))
  }

  get asked(): number {
    return this.#held.length
  }

  /** @param count lines of the batch that are written before the fault */
  release(count = Number.POSITIVE_INFINITY, fault?: Error): void {
    const { lines, resolve } = this.#held.shift() ?? assert.fail('nothing is being written')
    this.written.push(...lines.slice(0, count).map(({ text }) => text))
    resolve({ left: lines.slice(count), ...(fault && { fault }) })
  }
}

function queueOf(options: Partial<EventQueueOptions> = {}) {
  const sink = new HeldSink()
  const errors: unknown[] = []
  const log = { ...silentLog, error: (details: unknown, message: string) => void errors.push([message, details]) }
  const queue = new EventQueue({ name: 'q', sink, onOverload: 'drop', maxSize: 3, writeInterval: 0, log, ...options })
  onCleanUp(async () => {
    const closed = queue.close()
    await until(async () => {
      if (sink.asked > 0) sink.release()
      return Promise.race([closed.then(() => true), new Promise((next) => setImmediate(() => next(false)))])
    })
  })
  const add = (...texts: string[]) => {
    for (const text of texts) queue.add({ topic: 'access', text })
  }
  return { queue, sink, errors, add }
}

const NO_SPACE = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })

describe('EventQueue', () => {
  it('writes in order what comes, also while it writes', async () => {
    const { queue, sink, add } = queueOf()
    add('1', '2')
    await until(() => sink.asked === 1)
    add('3')
    sink.release()
    await until(() => sink.asked === 1)
    sink.release()
    await until(() => queue.written === 3)
    assert.deepEqual(sink.written, ['1', '2', '3'])
    assert.deepEqual([queue.waiting, queue.lost], [0, 0])
  })

  it('drops what is too much, counts it, and says so once', async () => {
    const { queue, sink, errors, add } = queueOf()
    add('1', '2', '3', '4', '5')
    assert.equal(queue.room(), undefined)
    assert.deepEqual([queue.waiting, queue.lost], [3, 2])
    assert.equal(errors.length, 1)
    assert.match(JSON.stringify(errors), /audit events of the handler q were lost: 1/)
    await until(() => sink.asked === 1)
    sink.release()
    await until(() => queue.written === 3)
    assert.deepEqual(sink.written, ['1', '2', '3'])
  })

  it('has callers wait until there is room, and lets the events of those who were let in pass', async () => {
    const { queue, sink, add } = queueOf({ onOverload: 'block' })
    add('1', '2')
    assert.equal(queue.room(), undefined)
    add('3', '4')
    assert.equal(queue.lost, 0)
    let isIn = false
    const waiting = queue.room()?.then(() => {
      isIn = true
    })
    assert.ok(waiting)
    await until(() => sink.asked === 1)
    assert.equal(isIn, false)
    sink.release()
    await waiting
    assert.equal(queue.room(), undefined)
    await until(() => queue.written === 4)
  })

  it('bounds memory also where callers do not wait', () => {
    const { queue, add } = queueOf({ onOverload: 'block' })
    add(...Array.from({ length: 10 }, (_, index) => `${index}`))
    assert.deepEqual([queue.waiting, queue.lost], [6, 4])
  })

  it('refuses while what is full cannot be written, and goes on when it can', async () => {
    const { queue, sink, errors, add } = queueOf({ onOverload: 'block' })
    add('1', '2', '3')
    const waiting = queue.room()
    await until(() => sink.asked === 1)
    sink.release(1, NO_SPACE)
    await until(() => queue.fault !== undefined)
    assert.match(String(queue.blockingFault), /ENOSPC/)
    await waiting
    add('4')
    const refused = queue.room()
    assert.ok(refused)
    await assert.rejects(refused, { code: 503, message: /its audit events cannot be written/ })
    assert.match(JSON.stringify(errors), /cannot be written: requests are refused when the queue is full/)
    await until(() => sink.asked === 1)
    sink.release()
    await until(() => queue.fault === undefined && queue.written === 4)
    assert.deepEqual(sink.written, ['1', '2', '3', '4'])
  })

  it('writes what waits when it closes; what cannot be written then is counted as lost', async () => {
    const { queue, sink, add } = queueOf()
    add('1', '2')
    const closed = queue.close()
    await until(() => sink.asked === 1)
    sink.release(1, NO_SPACE)
    await closed
    assert.deepEqual([queue.written, queue.lost], [1, 1])
    add('3')
    assert.equal(queue.lost, 2)
  })
})
