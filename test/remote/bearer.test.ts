import assert from 'node:assert/strict'
import { ResourceException, serviceUnavailable } from '../../lib/crest/errors.ts'
import { BearerAuthentication, type Token } from '../../lib/remote/auth/bearer.ts'

const MINUTE = 60_000

/** A token endpoint and a clock, both in the hands of the test. */
class World {
  now = 1_000_000
  requests = 0
  life = 60 * MINUTE
  failing = false
  gate: Promise<void> = Promise.resolve()
  readonly error: ResourceException = serviceUnavailable('the token endpoint is down')
  readonly bearer = this.authentication()

  authentication(): BearerAuthentication {
    return new BearerAuthentication(
      () => this.fetch(),
      () => this.now,
    )
  }

  async fetch(): Promise<Token> {
    this.requests += 1
    const value = `token-${this.requests}`
    await this.gate
    if (this.failing) throw this.error
    return { value, life: this.life }
  }

  /** The Authorization header of the next request. */
  async ask(): Promise<string | undefined> {
    return (await this.bearer.credentials()).headers.authorization
  }
}

describe('BearerAuthentication', () => {
  it('keeps a token, and gives it out at once', async () => {
    const { bearer } = new World()
    const first = await bearer.credentials()
    assert.equal(bearer.credentials(), first)
    assert.deepEqual(first.headers, {
      authorization: 'Bearer token-1',
      'x-requested-with': 'RemoteIDMProxy',
      'x-openidm-nosession': 'true',
    })
  })

  const SKEWS: [life: number, skew: number][] = [
    [60 * MINUTE, 30_000],
    [MINUTE, 30_000],
    [50_000, 25_000],
    [10_000, 5_000],
    [2_000, 1_000],
    [1, 0.5],
  ]
  for (const [life, skew] of SKEWS) {
    it(`renews a token of ${life} ms ${skew} ms before its end`, async () => {
      const world = new World()
      world.life = life
      await world.ask()
      world.now += life - skew - 0.1
      assert.equal(await world.ask(), 'Bearer token-1')
      world.now += 0.1
      assert.equal(await world.ask(), 'Bearer token-2')
    })
  }

  it('asks once for all who wait', async () => {
    const world = new World()
    const gate = Promise.withResolvers<void>()
    world.gate = gate.promise
    const waiting = Promise.all(Array.from({ length: 100 }, () => world.ask()))
    gate.resolve()
    assert.deepEqual(new Set(await waiting), new Set(['Bearer token-1']))
    assert.equal(world.requests, 1)
  })

  it('does not hammer an endpoint that fails: 1 s, 2 s, 4 s, 8 s, then every 15 s', async () => {
    const world = new World()
    world.failing = true
    for (const pause of [1000, 2000, 4000, 8000, 15_000, 15_000]) {
      const { requests } = world
      await assert.rejects(world.ask(), world.error)
      assert.equal(world.requests, requests + 1)
      world.now += pause - 1
      await assert.rejects(world.ask(), world.error)
      assert.equal(world.requests, requests + 1)
      world.now += 1
    }
  })

  it('leaves an endpoint alone for as long as it asks to, and tells how much of that is left', async () => {
    const told: [asked: number, pause: number][] = [
      [7000, 7000],
      [100, 1000],
      [3_600_000, 300_000],
    ]
    for (const [retryAfterMs, pause] of told) {
      const world = new World()
      const error = new ResourceException(503, 'busy', { retryAfterMs })
      Object.assign(world, { failing: true, error })
      await assert.rejects(world.ask(), error)
      world.now += pause - 50
      await assert.rejects(world.ask(), { code: 503, message: 'busy', retryAfterMs: 50 })
      assert.equal(world.requests, 1)
      world.now += 50
      await assert.rejects(world.ask(), error)
      assert.equal(world.requests, 2)
    }
  })

  it('begins with short pauses again after a success', async () => {
    const world = new World()
    world.life = 1000
    world.failing = true
    for (const pause of [1000, 2000, 4000]) {
      await assert.rejects(world.ask(), world.error)
      world.now += pause
    }
    world.failing = false
    await world.ask()
    world.now += 1000
    world.failing = true
    await assert.rejects(world.ask(), world.error)
    const { requests } = world
    world.now += 1000
    await assert.rejects(world.ask(), world.error)
    assert.equal(world.requests, requests + 1)
  })

  it('lives on a good token while the endpoint is down, to the end of that token', async () => {
    const world = new World()
    await world.ask()
    world.failing = true
    world.now += 60 * MINUTE - 20_000
    assert.equal(await world.ask(), 'Bearer token-1')
    world.now += 19_999
    assert.equal(await world.ask(), 'Bearer token-1')
    world.now += 1
    await assert.rejects(world.ask(), world.error)
  })

  it('drops the very token that was refused', async () => {
    const world = new World()
    const old = await world.bearer.credentials()
    assert.equal(world.bearer.refused(old), true)
    const young = await world.bearer.credentials()
    assert.equal(young.headers.authorization, 'Bearer token-2')
    // A slow request comes back with the old one: that says nothing about the new one.
    assert.equal(world.bearer.refused(old), true)
    assert.equal(world.bearer.credentials(), young)
  })

  it('does not give out a token that was refused while its renewal failed', async () => {
    const world = new World()
    const old = await world.bearer.credentials()
    world.now += 60 * MINUTE - 10_000
    const gate = Promise.withResolvers<void>()
    Object.assign(world, { gate: gate.promise, failing: true })
    const waiting = world.ask()
    world.bearer.refused(old)
    gate.resolve()
    await assert.rejects(waiting, world.error)
  })

  it('takes over the token of the one it replaces', async () => {
    const world = new World()
    await world.ask()
    const next = world.authentication()
    next.takeOver(world.bearer)
    assert.equal((await next.credentials()).headers.authorization, 'Bearer token-1')
    assert.equal(world.requests, 1)
  })

  it('reads a real clock when none is given', async () => {
    const bearer = new BearerAuthentication(async () => ({ value: 'x', life: MINUTE }))
    assert.equal(await bearer.credentials(), bearer.credentials())
  })
})
