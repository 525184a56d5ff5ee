import assert from 'node:assert/strict'
import { echo, held } from '../helpers/behaviours.ts'
import { openRaw, type RawConnection } from '../helpers/raw.ts'
import { startTokenServer } from '../helpers/token-server.ts'
import { until } from '../helpers/until.ts'
import { basicOf, bearerOf, startTlsRemote } from '../proxy/mounted.ts'
import { type App, startApp } from '../security/app.ts'
import { assertNothingLeft, leavesNothing, toldBy } from './fault.ts'

const HEAD = 'POST /openidm/external/idm/eu/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n'
const BODY = 'x'.repeat(1000)

/** Sends so much of a request and leaves, politely or not. */
async function leave(app: App, bytes: string, how: 'end' | 'destroy' | 'reset'): Promise<RawConnection> {
  const raw = await openRaw(app.port)
  await raw.write(bytes)
  raw[how]()
  return raw
}

async function assertUnharmed(app: App, servers: Parameters<typeof assertNothingLeft>[1]): Promise<void> {
  assert.equal((await app.call('eu/good')).status, 200)
  assert.deepEqual(toldBy(app), [])
  assert.deepEqual([app.status('eu')?.state, app.status('eu')?.lastError], ['READY', null])
  await assertNothingLeft(app, servers)
}

describe('callers that leave are no fault of a remote', () => {
  leavesNothing()

  for (const how of ['end', 'destroy', 'reset'] as const) {
    it(`at any byte of the request (${how})`, async () => {
      const remote = await startTlsRemote()
      const app = await startApp({ eu: basicOf(remote) })
      const whole = HEAD + BODY
      const stages = [0, 1, 10, 40, HEAD.length - 1, HEAD.length, HEAD.length + 1, HEAD.length + 500, whole.length]
      for (const bytes of stages) {
        const raw = await leave(app, whole.slice(0, bytes), how)
        if (how === 'end') await raw.untilEnded()
      }
      await assertUnharmed(app, [remote])
    })
  }

  it('while the token is fetched, while the connection is made, while the answer is awaited: all at once', async () => {
    const tokens = await startTokenServer()
    const gate = held(tokens.honest)
    tokens.answer(gate)
    const answer = held(echo())
    const remote = await startTlsRemote({ behaviour: answer })
    const app = await startApp({ eu: bearerOf(remote, tokens) })
    const waiting = await Promise.all(Array.from({ length: 10 }, () => openRaw(app.port)))
    for (const raw of waiting) await raw.write(HEAD + BODY)
    await until(() => gate.waiting === 1)
    for (const raw of waiting.splice(0, 4)) raw.reset()
    gate.release()
    await until(() => answer.waiting === 6)
    for (const raw of waiting) raw.reset()
    await until(() => remote.requests.every(({ aborted }) => aborted), 'the remote is told')
    answer.release()
    await assertUnharmed(app, [remote, tokens.remote])
  })
})
