import assert from 'node:assert/strict'
import { renameSync, writeFileSync } from 'node:fs'
import { onCleanUp } from '../helpers/clean-up.ts'
import { startRemote } from '../helpers/remote.ts'
import { DEFAULT_CLIENT, startTokenServer } from '../helpers/token-server.ts'
import { until } from '../helpers/until.ts'
import { type App, basic, startApp } from '../security/app.ts'
import { startTraffic } from '../security/traffic.ts'

const CALLERS = 32
const ROUNDS = 20
const BASIC = Array.from({ length: 22 }, (_, n) => `basic-${n}`)
const BEARER = ['bearer-1', 'bearer-2', 'bearer-3']
const NAMES = [...BASIC, ...BEARER]

/** What would grow with a leak: by kind of resource of this process, and the listeners at the server. */
function inventory({ server }: App): Record<string, number> {
  const counts: Record<string, number> = { Timeout: 0, TCPSocketWrap: 0 }
  for (const resource of process.getActiveResourcesInfo()) counts[resource] = (counts[resource] ?? 0) + 1
  const listeners = server.eventNames().reduce((sum, event) => sum + server.listenerCount(event), 0)
  return { ...counts, listeners }
}

function listenersAtProcess(): number {
  return process.eventNames().reduce((sum, event) => sum + process.listenerCount(event), 0)
}

/** In one go: with promises each file would wait for its turn among the callers. */
function replace(file: string, content: object): void {
  writeFileSync(`${file}.draft`, JSON.stringify(content))
  renameSync(`${file}.draft`, file)
}

describe('reload under load', () => {
  it('500 changes while 32 callers ask: none fails, and nothing grows', async () => {
    const warnings: string[] = []
    const onWarning = (warning: Error) => warnings.push(warning.message)
    process.on('warning', onWarning)
    onCleanUp(() => process.off('warning', onWarning))
    const tokens = await startTokenServer()
    const remote = await startRemote()
    const content = (name: string, round: number): object =>
      BASIC.includes(name)
        ? basic(remote, { userName: `${name}${round}` })
        : {
            authType: 'bearer',
            instanceUrl: remote.url,
            clientId: DEFAULT_CLIENT.id,
            clientSecret: DEFAULT_CLIENT.secret,
            tokenEndpoint: tokens.tokenEndpoint,
            tokenEndpointAuthMethod: 'client_secret_post',
            maxConnections: 100 + round,
          }
    const app = await startApp(Object.fromEntries(NAMES.map((name) => [name, content(name, 0)])))
    for (const name of BEARER) assert.equal((await app.call(`${name}/x`)).status, 200)
    const traffic = startTraffic(
      app,
      NAMES.map((name) => `${name}/managed/user`),
      CALLERS,
    )
    const processListeners = listenersAtProcess()
    const changed = async (round: number) => {
      const since = new Map(app.idm.instances().map((status) => [status.name, status.since]))
      for (const name of NAMES) replace(app.fileOf(name), content(name, round))
      await until(
        () => app.idm.instances().every((status) => status.since !== since.get(status.name)),
        `round ${round} is in force`,
      )
    }
    const seen: Record<string, number>[] = []
    for (let round = 1; round <= ROUNDS; round++) {
      const { answers } = traffic
      await changed(round)
      await until(() => traffic.answers >= answers + CALLERS, 'every caller had an answer')
      if (round % 4 === 0) seen.push({ ...inventory(app), connections: remote.openConnections })
    }
    await traffic.stop()
    assert.deepEqual(traffic.failures, [])
    assert.deepEqual(warnings, [])
    assert.equal(listenersAtProcess(), processListeners)
    assert.equal(tokens.requests.length, BEARER.length, 'a token survives what does not concern it')
    if (process.env.SHOW) console.table(seen)
    const last = seen.at(-1) ?? {}
    assert.equal(last.listeners, seen[0]?.listeners)
    for (const kind of ['TCPSocketWrap', 'Timeout', 'connections']) {
      const most = Math.max(...seen.slice(0, 2).map((counts) => counts[kind] ?? 0))
      assert.ok((last[kind] ?? 0) <= most + 2 * CALLERS, `${kind} grew: ${seen.map((counts) => counts[kind])}`)
    }
    // What was replaced lets go of its connections, and the last ones of theirs when they have rested.
    await app.idm.close()
    await until(() => remote.openConnections === 0, 'no connection is left')
  })
})
