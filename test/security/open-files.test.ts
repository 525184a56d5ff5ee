import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { Agent } from 'node:http'
import { onCleanUp } from '../helpers/clean-up.ts'
import { ADMIN, startGatewayProcess } from '../helpers/gateway-process.ts'
import { request } from '../helpers/http.ts'
import { startRemote } from '../helpers/remote.ts'

const PRLIMIT = '/usr/bin/prlimit'
const NAMED = /the gateway has reached its limit of open files and connections; raise it \(ulimit -n\)/

describe('a gateway that may open no more files', () => {
  it('says so, blames neither remote nor disk, and recovers', async function () {
    if (!existsSync(PRLIMIT)) this.skip()
    const remote = await startRemote()
    const eu = { authType: 'basic', instanceUrl: remote.url, userName: 'svc', password: 'pw' }
    const gateway = await startGatewayProcess({ 'external.idm-eu.json': eu })
    const { pid } = gateway.process.child
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    onCleanUp(() => agent.destroy())
    const ask = (path: string, options: object = {}) =>
      request(`http://127.0.0.1:${gateway.port}/openidm/${path}`, { agent, headers: ADMIN, ...options })
    assert.equal((await ask('info/ping')).status, 200)
    const limit = (count: number) => execFileSync(PRLIMIT, ['--pid', String(pid), `--nofile=${count}:4096`])

    const open = new Set(readdirSync(`/proc/${pid}/fd`).map(Number))
    const lowestFree = [...Array(open.size + 1).keys()].find((descriptor) => !open.has(descriptor))
    limit(lowestFree ?? 0)
    const proxied = await ask('external/idm/eu/managed/user/u1')
    assert.equal(proxied.status, 503)
    assert.match(proxied.text, NAMED)
    const stored = await ask('config/external.idm/us', { method: 'PUT', json: eu })
    assert.equal(stored.status, 500)
    assert.match(stored.text, NAMED)
    assert.doesNotMatch(stored.text, /disk/)

    limit(1024)
    const status = (await ask('external/idm?_queryFilter=true')).json as { result: { state: string }[] }
    assert.deepEqual(
      status.result.map(({ state }) => state),
      ['UNTRIED'],
    )
    assert.equal((await ask('external/idm/eu/managed/user/u1')).status, 200)
    assert.equal(remote.requests.length, 1)
  })
})
