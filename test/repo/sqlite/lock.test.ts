import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import type { ObjectStore } from '../../../lib/repo/objects/object-store.ts'
import { onCleanUp } from '../../helpers/clean-up.ts'
import { tempDir } from '../../helpers/files.ts'
import { tempRepository } from '../repositories.ts'

/** Longer than the back-off, much shorter than a test. */
const MAX_LOCK_WAIT_MS = 300

describe('a database that another process has locked', () => {
  let store: ObjectStore
  let other: DatabaseSync

  beforeEach(async () => {
    const file = join(await tempDir(), 'repo.db')
    store = await (await tempRepository({ file, maxLockWaitMs: MAX_LOCK_WAIT_MS })).store('managed/user')
    await store.insert('bo', { x: 1 })
    other = new DatabaseSync(file)
    onCleanUp(() => other.close())
    other.exec('begin immediate')
  })

  it('is waited for while the event loop goes on and reads are answered', async () => {
    let isDone = false
    const write = store.insert('cy', {}).finally(() => {
      isDone = true
    })
    const begin = performance.now()
    let longest = 0
    for (let last = begin; last - begin < MAX_LOCK_WAIT_MS / 2; ) {
      assert.deepEqual((await store.get('bo')).content, { x: 1 })
      await delay(1)
      const now = performance.now()
      longest = Math.max(longest, now - last)
      last = now
    }
    assert.equal(isDone, false)
    assert.ok(longest < MAX_LOCK_WAIT_MS / 2, `the event loop stood still for ${longest} ms`)
    other.exec('rollback')
    assert.equal((await write).id, 'cy')
  })

  it('refuses writes with 503 and Retry-After once they have waited long enough, then takes them again', async () => {
    const begin = performance.now()
    const writes = await Promise.allSettled([
      store.insert('cy', {}),
      store.replace('bo', null, {}),
      store.remove('bo', null),
    ])
    assert.ok(performance.now() - begin >= MAX_LOCK_WAIT_MS)
    for (const write of writes) {
      assert.equal(write.status, 'rejected')
      const { code, message, retryAfterMs } = write.reason as Record<string, unknown>
      assert.deepEqual([code, message, retryAfterMs], [503, 'The database is locked by another process', 1000])
    }
    other.exec('rollback')
    assert.deepEqual((await store.remove('bo', null)).content, { x: 1 })
  })
})
