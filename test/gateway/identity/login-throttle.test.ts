import assert from 'node:assert/strict'
import { delayAfter, LoginThrottle } from '../../../lib/gateway/identity/login-throttle.ts'
import { until } from '../../helpers/until.ts'

/** A throttle whose late answers wait for the test. */
function throttled() {
  const stop = new AbortController()
  const waits: { ms: number; end: () => void }[] = []
  const delay = (ms: number, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      signal.throwIfAborted()
      waits.push({ ms, end: resolve })
      signal.addEventListener('abort', () => reject(signal.reason))
    })
  return { stop, waits, throttle: new LoginThrottle({ signal: stop.signal, delay }) }
}

const wrong = async () => undefined
const right = async () => 'somebody'

describe('login throttle', () => {
  it('holds failures back longer and longer, up to a limit', () => {
    assert.deepEqual(
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 5000].map(delayAfter),
      [0, 0, 0, 200, 400, 800, 1600, 3200, 5000, 5000],
    )
  })

  it('slows the pair of account and address, and never whoever knows the password', async () => {
    const { throttle, waits } = throttled()
    for (let i = 0; i < 3; i++) await throttle.attempt('a', 'here', wrong)
    assert.equal(waits.length, 0)
    const late = throttle.attempt('a', 'here', wrong)
    await until(() => waits.length === 1)
    assert.equal(await throttle.attempt('a', 'here', right), 'somebody')
    assert.equal(await throttle.attempt('a', 'there', wrong), undefined)
    assert.equal(await throttle.attempt('b', 'here', wrong), undefined)
    assert.deepEqual(
      waits.map(({ ms }) => ms),
      [200],
    )
    waits[0]?.end()
    assert.equal(await late, undefined)
  })

  it('does not even look while too many late answers wait', async () => {
    const { throttle, waits, stop } = throttled()
    for (let i = 0; i < 3; i++) await throttle.attempt('a', 'here', wrong)
    const late = Array.from({ length: 5 }, () => throttle.attempt('a', 'here', wrong))
    await until(() => waits.length === 5)
    let looked = false
    const sixth = throttle.attempt('a', 'here', async () => {
      looked = true
      return 'somebody'
    })
    await until(() => waits.length === 6)
    assert.equal(looked, false)
    stop.abort()
    assert.deepEqual(await Promise.all([...late, sixth]), Array(6).fill(undefined))
  })

  it('waits for nobody when the gateway stops', async () => {
    const { throttle, stop } = throttled()
    for (let i = 0; i < 3; i++) await throttle.attempt('a', 'here', wrong)
    const late = throttle.attempt('a', 'here', wrong)
    stop.abort()
    assert.equal(await late, undefined)
  })
})
