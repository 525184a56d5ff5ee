import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { main } from '../../lib/cli/cli.ts'
import type { JsonObject } from '../../lib/contract.ts'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { tempDir, tempDirWith, writeFiles } from '../helpers/files.ts'
import { instanceOf, type RemoteIdm, startRemoteIdm, writes } from '../sync/gateways.ts'
import { startGateway, type TestGateway, type TestGatewayOptions } from './parts.ts'

const TO_EU: JsonObject = {
  source: 'managed/person',
  target: 'external/idm/eu/managed/user',
  properties: [{ source: 'name', target: 'userName' }],
  policies: [{ situation: 'ABSENT', action: 'CREATE' }],
}
const MANAGED = { objects: [{ name: 'person', schema: { properties: { name: { type: 'string' } } } }] }

const HELD =
  /mapping-toEu\.json: it is held: it would carry changes of managed\/person over to external\/idm\/eu\/managed\/user as they happen/

const doctor = (dir: string, ...args: string[]) => command(dir, 'doctor', ...args)

async function command(dir: string, ...args: string[]): Promise<string> {
  let stdout = ''
  const silent = { write: () => undefined }
  const io = {
    stdout: { write: (text: string) => (stdout += text) },
    stderr: silent,
    cwd: dir,
    stdin: process.stdin,
    env: {},
  }
  await main([...args, '--project', dir], io)
  return stdout
}

const confOf = (remote: RemoteIdm) => ({
  'external.idm-eu.json': instanceOf(remote),
  'managed.json': MANAGED,
  'mapping-toEu.json': TO_EU,
})

const start = (options: TestGatewayOptions) => startGateway({ plugins: [packageRoot], ...options })
const create = ({ call }: TestGateway, name: string) =>
  call('/managed/person', { method: 'POST', json: { name } }).then(({ status }) => assert.equal(status, 201))
const reasons = ({ gateway }: TestGateway) => gateway.notices.map(({ file, reason }) => `${file}: ${reason}`).join('\n')
const stateOf = async ({ call }: TestGateway) => ((await call('/sync/mappings/toEu')).json as JsonObject).implicitSync

/** Files of somebody else: nothing in `db/`. */
const foreign = (remote: RemoteIdm) =>
  tempDirWith(Object.fromEntries(Object.entries(confOf(remote)).map(([name, file]) => [`conf/${name}`, file])))

describe('a mapping that carries changes over by itself', () => {
  it('is held on the first start, until it is accepted: nothing reaches the remote, whoever writes', async () => {
    const remote = await startRemoteIdm()
    const dir = await foreign(remote)
    assert.match((await doctor(dir)).replaceAll(/ {2,}/g, ': '), HELD)
    const gateway = await start({ copies: [dir] })
    assert.match(reasons(gateway), HELD)
    assert.equal(await stateOf(gateway), 'held')
    const line = gateway.log.entries.find(({ msg }) => String(msg).startsWith('held are: toEu (managed/person); '))
    assert.equal(line?.level, 'warn')
    await create(gateway, 'rest')
    const source = "openidm.create('managed/person', null, { name: 'script' })._id"
    const json = { type: 'text/javascript', source }
    assert.equal((await gateway.call('/script?_action=eval', { method: 'POST', json })).status, 200)
    const check = await gateway.call('/managed/person?_action=triggerSyncCheck', { method: 'POST' })
    assert.deepEqual(check.json, { status: 'OK', countTriggered: 2 })
    assert.equal(writes(remote), 0)

    assert.equal(await doctor(gateway.project.dir, '--accept'), 'Accepted: the mappings toEu\n')
    assert.equal(await stateOf(gateway), 'live')
    await create(gateway, 'accepted')
    assert.equal(writes(remote), 1)
    assert.doesNotMatch(await doctor(gateway.project.dir), /it is held/)
  })

  it('is held on a database of an earlier version, with a record or without', async () => {
    const remote = await startRemoteIdm()
    for (const record of [{ known: [], held: [], isForeign: false }, undefined]) {
      const first = await start({})
      await first.gateway.stop()
      await rm(join(first.project.db, 'acceptance.json'))
      if (record) await writeFiles(first.project.db, { 'acceptance.json': record })
      await writeFiles(first.project.conf, confOf(remote))
      const second = await start({ project: first.project, copies: [await tempDir()] })
      assert.match(reasons(second), HELD)
      await create(second, 'x')
      assert.equal(writes(remote), 0)
      await second.gateway.stop()
      const third = await start({ project: first.project, copies: [await tempDir()] })
      assert.equal(await stateOf(third), 'held')
      await third.gateway.stop()
      const held = 'held: its changes are not carried over; doctor --accept accepts it'
      const line = 'toEu: managed/person → external/idm/eu/managed/user'
      assert.equal(await command(first.project.dir, 'recon', 'mappings'), `${line}\n  ${held}\n`)
      assert.match(await command(first.project.dir, 'recon', 'status'), /\ntoEu is held: its changes are not/)
    }
  })

  it('is live where gateway.json says so, and held where it says the contrary', async () => {
    const remote = await startRemoteIdm()
    const gateway = await start({ copies: [await foreign(remote)], conf: { 'gateway.json': { live: true } } })
    await create(gateway, 'live')
    assert.equal(writes(remote), 1)
    await gateway.call('/config/gateway', { method: 'PUT', json: { live: false } })
    await create(gateway, 'held')
    assert.deepEqual([await stateOf(gateway), writes(remote)], ['held', 1])
  })

  it('is live when it is written over REST, or put into a project that runs; its neighbours stay held', async () => {
    const remote = await startRemoteIdm()
    const gateway = await start({ copies: [await foreign(remote)] })
    const own = { ...TO_EU, properties: [{ source: 'name', target: 'displayName' }] }
    assert.equal((await gateway.call('/config/mapping/own', { method: 'PUT', json: own })).status, 201)
    await create(gateway, 'x')
    const { result } = await remote.connection.query('managed/user', { _queryFilter: 'true' })
    assert.deepEqual(
      result.map(({ userName, displayName }) => [userName, displayName]),
      [[undefined, 'x']],
    )
    assert.equal(await stateOf(gateway), 'held')
    assert.equal((await gateway.call('/config/mapping/toEu', { method: 'PUT', json: TO_EU })).status, 200)
    assert.equal(await stateOf(gateway), 'live')
  })
})
