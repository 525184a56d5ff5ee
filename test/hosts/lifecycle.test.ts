import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import express from 'express'
import { PluginHost } from '../../lib/gateway/plugins/host.ts'
import { PluginRouters } from '../../lib/gateway/plugins/plugin-routers.ts'
import { ServiceRegistry } from '../../lib/gateway/plugins/services.ts'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { externalIdm } from '../../lib/index.ts'
import { held, reply } from '../helpers/behaviours.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDirWith } from '../helpers/files.ts'
import { request } from '../helpers/http.ts'
import { memoryLog } from '../helpers/log.ts'
import { startRemote } from '../helpers/remote.ts'
import { until } from '../helpers/until.ts'
import { basicOf } from '../proxy/mounted.ts'

async function serve(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onCleanUp(() => server.closeAllConnections())
  onCleanUp(() => server.close())
  return (path: string) => request(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`)
}

async function project() {
  const remote = await startRemote()
  const confDir = join(await tempDirWith({ 'conf/external.idm-eu.json': basicOf(remote) }), 'conf')
  return { remote, confDir }
}

const EU = '/openidm/external/idm/eu/'

describe('several routers in one host', () => {
  it('on two mounts: each serves, with addresses of its own', async () => {
    const { remote, confDir } = await project()
    const [one, two] = await Promise.all([1, 2].map(() => externalIdm({ confDir, authorize: () => true })))
    assert.ok(one && two)
    onCleanUp(() => Promise.all([one.close(), two.close()]))
    const call = await serve(express().use('/a/openidm', one.router).use('/b/openidm', two.router) as RequestListener)
    remote.answer(reply({ status: 201, headers: { location: `${remote.url}x/1` } }))
    for (const mount of ['/a', '/b']) assert.equal((await call(`${mount}${EU}x`)).headers.location, `${mount}${EU}x/1`)
    await one.close()
    assert.equal((await call(`/a${EU}x`)).status, 503)
    assert.equal((await call(`/b${EU}x`)).status, 201)
  })

  it('on one mount: the first serves, also when one router is mounted twice', async () => {
    const { remote, confDir } = await project()
    const verdicts: string[] = []
    const make = (name: string) => externalIdm({ confDir, authorize: () => verdicts.push(name) > 0 })
    const [one, two] = [await make('one'), await make('two')]
    onCleanUp(() => Promise.all([one.close(), two.close()]))
    const app = express().use('/openidm', one.router).use('/openidm', one.router).use('/openidm', two.router)
    const call = await serve(app as RequestListener)
    assert.equal((await call(`${EU}x`)).status, 200)
    assert.deepEqual([verdicts, remote.requests.length], [['one'], 1])
    assert.equal((await call('/openidm/external/other')).status, 404)
  })
})

describe('a plugin that is stopped and started while requests run', () => {
  async function start() {
    const { remote, confDir } = await project()
    const log = memoryLog()
    const routers = new PluginRouters()
    const mounts = { '/openidm': { authenticated: true, routers } }
    const newHost = () => new PluginHost({ confDir, log, services: new ServiceRegistry(), mounts, logOf: () => log })
    // As the contract has it: the mount is cut off without a trace.
    const call = await serve((incoming, response) => {
      incoming.url = (incoming.url ?? '').replace(/^\/openidm/, '')
      routers.handle(incoming, response, () => response.writeHead(404).end('not ours'))
    })
    return { remote, newHost, call }
  }

  it('finishes what is under way, is gone, and comes back', async () => {
    const { remote, newHost, call } = await start()
    for (let round = 0; round < 3; round++) {
      const host = newHost()
      await host.load([packageRoot])
      const hold = held(reply({ body: { round } }))
      remote.answer(hold)
      const answer = call(`${EU}x`)
      await until(() => hold.waiting === 1)
      const stopped = host.dispose()
      // The route has gone at once, or says that it is about to.
      assert.ok([404, 503].includes((await call(`${EU}y`)).status))
      hold.release()
      assert.deepEqual((await answer).json, { round })
      await stopped
      assert.equal((await call(`${EU}x`)).text, 'not ours')
    }
  })

  it('is not loaded twice by one host, and two hosts do not disturb each other', async () => {
    const { newHost, call } = await start()
    const [one, two] = [newHost(), newHost()]
    await one.load([packageRoot])
    await assert.rejects(one.load([packageRoot]), /a plugin openidm-external-idm is already loaded/)
    await two.load([packageRoot])
    assert.equal((await call(`${EU}x`)).status, 200)
    await one.dispose()
    assert.equal((await call(`${EU}x`)).status, 200)
    await two.dispose()
    assert.equal((await call(`${EU}x`)).status, 404)
  })

  it('loses no request over many changes', async () => {
    const { remote, newHost, call } = await start()
    const statuses = new Set<number>()
    let isOver = false
    const load = Array.from({ length: 4 }, async () => {
      while (!isOver) statuses.add((await call(`${EU}x`)).status)
    })
    onCleanUp(() => {
      isOver = true
    })
    for (let round = 0; round < 5; round++) {
      const [host, seen] = [newHost(), remote.requests.length]
      await host.load([packageRoot])
      await until(() => remote.requests.length > seen + 5)
      await host.dispose()
    }
    isOver = true
    await Promise.all(load)
    for (const status of statuses) assert.ok([200, 404, 503].includes(status), String(status))
  })
})
