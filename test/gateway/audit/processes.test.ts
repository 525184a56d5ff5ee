import assert from 'node:assert/strict'
import { readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { JsonObject } from '../../../lib/contract.ts'
import { startGatewayProcess } from '../../helpers/gateway-process.ts'
import { startRemote } from '../../helpers/remote.ts'
import { until } from '../../helpers/until.ts'
import { basic } from '../../security/app.ts'
import { audit, auditFile, eventsIn, handler } from './stage.ts'

/** Few enough to be quick, and so many that all going to one worker is seen once in a million times. */
const REQUESTS = 20

describe('the audit of gateway processes', () => {
  before(function () {
    if (process.platform !== 'linux') this.skip()
  })

  it('has each request of all workers once, in files that one of them rotates at a time', async () => {
    const remote = await startRemote()
    const conf = {
      'external.idm-eu.json': basic(remote),
      'audit.json': audit([
        handler('json', {
          topics: ['access'],
          fileRotation: { maxFileSize: 2000 },
          fileRetention: { maxNumberOfHistoryFiles: -1 },
        }),
      ]),
    }
    const gateway = await startGatewayProcess(conf, { args: ['--workers', '2'] })
    for (let count = 0; count < REQUESTS; count++)
      assert.equal((await gateway.call(`external/idm/eu/managed/user/${count}`)).status, 200)
    const all = await until(async () => {
      const dir = join(gateway.project, 'audit')
      const events = await Promise.all((await readdir(dir)).map((name) => eventsIn(join(dir, name))))
      return events.flat().length === REQUESTS && { events: events.flat(), files: events.length }
    })
    assert.ok(all.files > 2)
    const paths = all.events.map(({ http }) =>
      String(((http as JsonObject).request as JsonObject).path)
        .split('/')
        .at(-1),
    )
    assert.deepEqual(
      paths.map(Number).sort((a, b) => a - b),
      Array.from({ length: REQUESTS }, (_, index) => index),
    )
    assert.equal(new Set(all.events.map(({ _id }) => String(_id).slice(0, 36))).size, 2)
  })

  it('goes on in a new file after a rename and SIGHUP, and is complete when the process stops', async () => {
    const gateway = await startGatewayProcess({ 'audit.json': audit([handler('json', { topics: ['access'] })]) })
    const file = auditFile(gateway.project, 'access')
    await gateway.call('info/login')
    await until(async () => (await eventsIn(file)).length === 1)
    await rename(file, `${file}.1`)
    gateway.process.child.kill('SIGHUP')
    await gateway.call('info/version')
    await until(async () => (await eventsIn(file)).length === 1)
    assert.equal((await eventsIn(`${file}.1`)).length, 1)
    for (let count = 0; count < 10; count++) await gateway.call('info/version')
    gateway.process.child.kill('SIGTERM')
    await gateway.process.exited
    assert.equal((await eventsIn(file)).length, 11)
  })

  it('is on standard output, with the topic', async () => {
    const gateway = await startGatewayProcess({ 'audit.json': audit([handler('stdout', { topics: ['access'] })]) })
    await gateway.call('info/login')
    const event = JSON.parse(await gateway.process.line(/"_topic":"access"/)) as JsonObject
    assert.deepEqual([event._topic, event.eventName, event.userId], ['access', 'access', 'openidm-admin'])
  })
})
