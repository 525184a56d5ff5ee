import assert from 'node:assert/strict'
import { MAX_DELAYED_FAILURES } from '../../../lib/core/bounds.ts'
import { delayAfter, LoginThrottle, networkOf } from '../../../lib/gateway/access/login-throttle.ts'
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
const refused = { code: 429, message: /failed logins from this address/, retryAfterMs: 5000 }

/** Fails as often as late answers of one address may wait. @returns the late answers */
async function exhaust({ throttle, waits }: ReturnType<typeof throttled>, account: string, address = 'here') {
  for (let i = 0; i < 3; i++) await throttle.attempt(account, address, wrong)
  const late = Array.from({ length: MAX_DELAYED_FAILURES }, () => throttle.attempt(account, address, wrong))
  await until(() => waits.length === MAX_DELAYED_FAILURES)
  return late
}

describe('login throttle', () => {
  it('holds failures back longer and longer, up to a limit', () => {
    assert.deepEqual(
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 5000].map((failures) => delayAfter(failures, 3)),
      [0, 0, 0, 200, 400, 800, 1600, 3200, 5000, 5000],
    )
  })

  it('slows the pair of account and address, and never a login that succeeds', async () => {
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

  it('slows an address that tries one name after the other', async () => {
    const { throttle, waits } = throttled()
    for (let i = 0; i < 20; i++) await throttle.attempt(`name-${i}`, '2001:db8::1', wrong)
    assert.equal(waits.length, 0)
    void throttle.attempt('name-20', '2001:db8::2', wrong)
    await until(() => waits.length === 1)
    assert.equal(waits[0]?.ms, 200)
    assert.equal(await throttle.attempt('name-21', '2001:db9::1', wrong), undefined)
  })

  it('refuses an address with too many late answers without looking at the password', async () => {
    const parts = throttled()
    const late = await exhaust(parts, 'a')
    let looked = false
    const look = async () => {
      looked = true
      return 'somebody'
    }
    for (const account of ['a', 'b']) assert.throws(() => parts.throttle.attempt(account, 'here', look), refused)
    assert.equal(looked, false)
    assert.equal(await parts.throttle.attempt('a', 'there', look), 'somebody')
    parts.waits[0]?.end()
    await late[0]
    assert.equal(await parts.throttle.attempt('b', 'here', look), 'somebody')
    parts.stop.abort()
    await Promise.all(late)
  })

  it('guessing cannot lock out an account that signed in from that address lately', async () => {
    const parts = throttled()
    assert.equal(await parts.throttle.attempt('admin', 'here', right), 'somebody')
    const late = await exhaust(parts, 'admin')
    assert.equal(await parts.throttle.attempt('admin', 'here', right), 'somebody')
    await assert.rejects(async () => parts.throttle.attempt('admin', 'here', wrong), refused)
    parts.stop.abort()
    await Promise.all(late)
  })

  it('waits for nobody when the gateway stops', async () => {
    const { throttle, stop } = throttled()
    for (let i = 0; i < 3; i++) await throttle.attempt('a', 'here', wrong)
    const late = throttle.attempt('a', 'here', wrong)
    stop.abort()
    assert.equal(await late, undefined)
  })

  for (const [address, network] of [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8::6', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['1:2:3:4:5:6:7::', '1:2:3:4'],
    ['', ''],
  ] as const)
    it(`${address} is of the network ${network}`, () => assert.equal(networkOf(address), network))
})
