import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { JsonObject } from '../../lib/contract.ts'
import { ANONYMOUS, startGateway, type TestGateway } from '../gateway/parts.ts'
import { writeAtomically } from '../helpers/files.ts'
import { until } from '../helpers/until.ts'
import { directoriesOf } from './projects.ts'

const js = (source: string) => ({ type: 'text/javascript', source })
const file = (name: string) => ({ type: 'text/javascript', file: name })
const status = async ({ call }: TestGateway, path: string, options: object = {}) => (await call(path, options)).status
const ADDED = 'acme/late.js'

async function managedOf(form: string): Promise<{ objects: JsonObject[] }> {
  const directory = directoriesOf(form, false)[1] ?? ''
  return JSON.parse(await readFile(join(directory, 'conf/managed.json'), 'utf8')) as { objects: JsonObject[] }
}

describe('the files of an IDM in a gateway that runs', function () {
  this.timeout(60_000)

  it('managed.json: each type comes into force whole or stays as it was, and the fault is logged once', async () => {
    const own = { objects: [{ name: 'user' }, { name: 'device' }, { name: 'car' }] }
    const gateway = await startGateway({ conf: { 'managed.json': own } })
    const { call, log, project } = gateway
    assert.equal(await status(gateway, '/managed/device/d1', { method: 'PUT', json: { name: 'd' } }), 201)
    const managed = await managedOf('stock-7.0')
    await writeAtomically(join(project.conf, 'managed.json'), managed)
    await until(async () => (await status(gateway, '/managed/assignment?_queryFilter=true')) === 200)
    // Of users there is a new schema, of devices the last valid one, of cars none.
    assert.equal(await status(gateway, '/managed/user/u1', { method: 'PUT', json: { userName: 'x' } }), 403)
    assert.equal(await status(gateway, '/managed/device/d2', { method: 'PUT', json: { name: 'd' } }), 201)
    assert.equal(await status(gateway, '/managed/car?_queryFilter=true'), 404)
    const faults = () => log.entries.filter(({ level, msg }) => level === 'error' && /device\.js/.test(String(msg)))
    assert.match(
      String(faults()[0]?.msg),
      /^managed\.json: objects\.3\.onUpdate: .*; the last valid version stays in force$/,
    )
    await writeAtomically(join(project.conf, 'managed.json'), { ...managed, comment: 'touched' })
    await until(async () => ((await call('/config/managed')).json as JsonObject).comment === 'touched')
    assert.equal(faults().length, 1)
    // The stock hooks are named, and are no faults.
    const notices = gateway.gateway.notices.filter(({ file: name }) => name === 'managed.json')
    assert.ok(
      notices.some(({ pointer, reason }) => pointer.join('.') === 'objects.0.onCreate' && /left out/.test(reason)),
    )
  })

  it('managed.json over REST: a missing hook is refused with file, type and hook', async () => {
    const gateway = await startGateway()
    const { status: code, json } = await gateway.call('/config/managed', {
      method: 'PUT',
      json: await managedOf('stock-6.5'),
    })
    assert.equal(code, 400)
    const { message, detail } = json as { message: string; detail: { faults: JsonObject[] } }
    assert.match(message, /objects\.2\.onUpdate: The script file acme\/device\.js is in none/)
    const [fault] = detail.faults
    assert.deepEqual([fault?.file, fault?.pointer], ['managed.json', '/objects/2/onUpdate'])
    assert.match(String(fault?.cure), /put the file into script\//)
  })
})

describe('router.json of an IDM', function () {
  this.timeout(60_000)

  it('a filter of its own that is missing closes its paths, except to the administrator what he needs to mend it', async () => {
    const filters = [
      { onRequest: file('router-authz.js') },
      { pattern: '(endpoint|config|info).*', onRequest: file(ADDED) },
    ]
    const conf = { 'router.json': { filters }, 'endpoint-x.json': js('({ x: 1 })') }
    const gateway = await startGateway({ conf })
    const { json } = await gateway.call('/endpoint/x')
    assert.match(JSON.stringify(json), /router\.json: filters\.1\.onRequest: The script file acme\/late\.js is in none/)
    for (const path of ['/config/router', '/info/ping', '/managed/user?_queryFilter=true'])
      assert.equal(await status(gateway, path), 200, path)
    assert.equal(await status(gateway, '/info/ping', { headers: ANONYMOUS }), 503)
    const directory = join(gateway.project.script, 'acme')
    const { mkdir } = await import('node:fs/promises')
    await mkdir(directory)
    await writeAtomically(join(directory, 'late.js'), 'request')
    assert.equal(await status(gateway, '/endpoint/x'), 200)
  })

  it('the check of access is left out, and access is checked', async () => {
    const filters = [
      { condition: js('context.caller.external'), onRequest: js("require('router-authz').testAccess()") },
    ]
    const gateway = await startGateway({ conf: { 'router.json': { filters } } })
    assert.equal(await status(gateway, '/config', { headers: ANONYMOUS }), 403)
    assert.equal(await status(gateway, '/config'), 200)
  })
})
