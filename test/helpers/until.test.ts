import assert from 'node:assert/strict'
import { until } from './until.ts'

describe('until', () => {
  it('resolves with the first truthy value', async () => {
    const values = [undefined, 0, '', false, null, 'there']
    assert.equal(await until(() => values.shift()), 'there')
    assert.equal(values.length, 0)
  })

  it('waits for promises and over errors', async () => {
    let looks = 0
    const value = await until(async () => {
      looks += 1
      assert.ok(looks > 30)
      return looks
    })
    assert.equal(value, 31)
  })

  it('fails with its message and the last value', async () => {
    const waiting = until(() => 0, 'the count is up', { timeoutMs: 20 })
    await assert.rejects(waiting, { message: 'waited 20 ms until the count is up: the last value was 0' })
  })

  it('fails with the last error as the cause', async () => {
    const error = new Error('not yet')
    const waiting = until(() => Promise.reject(error), undefined, { timeoutMs: 20 })
    await assert.rejects(
      waiting,
      (thrown: Error) => thrown.cause === error && /it threw Error: not yet/.test(thrown.message),
    )
  })
})
