import assert from 'node:assert/strict'
import { join } from 'node:path'
import { main } from '../../lib/cli/cli.ts'
import type { JsonObject } from '../../lib/contract.ts'
import { startGateway } from '../gateway/parts.ts'
import { tempDirWith } from '../helpers/files.ts'

const js = (source: string, more: object = {}) => ({ type: 'text/javascript', source, ...more })
const GONE = { type: 'text/javascript', file: 'gone.js' }
const SCHEDULE = {
  schedule: '0 0 2 * * ?',
  invokeService: 'sync',
  invokeContext: { action: 'reconcile', mapping: 'm' },
}

/** In each file one entry that is well and one with a fault. */
const CONF: Record<string, unknown> = {
  'access.json': { configs: [{ pattern: '*', roles: '*', methods: '*', actions: '*' }, { pattern: '//' }] },
  'authentication.json': { rsFilter: {} },
  'endpoint-clash.json': js('1', { context: 'managed/user' }),
  'endpoint-gone.json': GONE,
  'endpoint-good.json': js('({ fine: true })'),
  'external.idm-bad.json': { authType: 'Basic' },
  'gateway.json': { x: 1 },
  'managed.json': {
    objects: [{ name: 'user' }, { name: 'car', onCreate: GONE }, { name: 'ship', schema: { properties: { a: 1 } } }],
  },
  'router.json': {
    filters: [
      { pattern: 'managed/(ship|car)', onRequest: GONE },
      { methods: ['get'], pattern: 'x' },
    ],
  },
  'schedule-bad.json': { ...SCHEDULE, timeZone: 'Europe/Nowhere' },
  'schedule-good.json': SCHEDULE,
  'script.json': { limits: { memoryMB: -1 } },
  'servletfilter-cors.json': { initParams: { allowedOrigins: '*' } },
  'sync.json': {
    mappings: [
      { name: 'm', source: 'managed/user', target: 'managed/car' },
      {
        name: 'bad',
        source: 'managed/user',
        target: 'managed/car',
        properties: [{ target: 'a', transform: { type: 'groovy', source: '1' } }],
      },
    ],
  },
  'unparsable.json': '{',
}

const EXPECTED: readonly (readonly [id: string, error: RegExp])[] = [
  ['access', /^access\.json: configs\.1\.pattern: must be a path/],
  ['authentication', /^authentication\.json: rsFilter\.clientId: must be/],
  ['endpoint/clash', /^endpoint-clash\.json: context: must be a route that is free; "managed\/user" is served already/],
  ['endpoint/gone', /^endpoint-gone\.json: .*gone\.js is in none/],
  ['external.idm/bad', /^external\.idm-bad\.json: authType: must be/],
  ['gateway', /^gateway\.json: .*"x"/],
  ['managed', /^managed\.json: objects\.1\.onCreate: .*gone\.js.*; objects\.2\.schema\.properties\.a: /],
  ['router', /^router\.json: filters\.0\.onRequest: .*gone\.js.*; filters\.1\.methods\.0: must be an array of/],
  ['schedule/bad', /^schedule-bad\.json: timeZone: must be the name of a time zone/],
  ['script', /^script\.json: limits\.memoryMB: must be/],
  ['servletfilter/cors', /^servletfilter-cors\.json: initParams\.allowedOrigins\.0: must be an origin/],
  ['sync', /^sync\.json: mappings\.1: mapping bad: properties\.0\.transform: .*Groovy/],
  ['unparsable', /^unparsable\.json: /],
]

describe('a project of which something in each file is broken', function () {
  this.timeout(60_000)

  it('starts; what is broken is named in the status and once in the log, its neighbours work', async () => {
    const { call, log } = await startGateway({ conf: CONF, plugins: [join(import.meta.dirname, '../..')] })
    const { configurations } = (await call('/config')).json as { configurations: JsonObject[] }
    const errors = configurations.filter(({ error }) => error !== undefined)
    assert.deepEqual(
      errors.map(({ _id }) => _id),
      EXPECTED.map(([id]) => id),
    )
    for (const [index, [, error]] of EXPECTED.entries()) assert.match(String(errors[index]?.error), error)
    assert.equal((await call('/endpoint/good')).status, 200)
    assert.equal((await call('/managed/user?_queryFilter=true')).status, 200)
    assert.equal((await call('/sync/mappings/m')).status, 200)
    const messages = log.entries.filter(({ level }) => level === 'error').map(({ msg }) => String(msg))
    assert.deepEqual([...new Set(messages)], messages)
    for (const [id] of EXPECTED) {
      const file = `${id.replace('/', '-')}.json`
      assert.ok(
        messages.some((message) => message.includes(file)),
        file,
      )
    }
  })

  it('is what check names', async () => {
    const dir = await tempDirWith(
      Object.fromEntries(Object.entries(CONF).map(([name, file]) => [`conf/${name}`, file])),
    )
    let stdout = ''
    const silent = { write: () => undefined }
    const io = { stdout: { write: (text: string) => (stdout += text) }, stderr: silent, cwd: dir, stdin: process.stdin }
    assert.equal(await main(['check', '--json', '--conf', join(dir, 'conf')], { ...io, env: {} }), 1)
    const reports = JSON.parse(stdout) as { name: string; ok: boolean; steps: { message: string }[] }[]
    assert.ok(reports.every(({ ok }) => !ok))
    const messages = reports.flatMap(({ steps }) => steps.map(({ message }) => message))
    for (const [id, error] of EXPECTED)
      assert.ok(
        messages.some((message) => error.test(message.replace(/^\/.*\//, ''))),
        `${id}: ${stdout}`,
      )
  })
})
