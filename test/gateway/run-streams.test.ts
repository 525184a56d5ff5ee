import assert from 'node:assert/strict'
import { join } from 'node:path'
import { MAX_RUN_STREAMS_OF_ACCOUNT } from '../../lib/core/bounds.ts'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { type Events, openEvents } from '../helpers/events.ts'
import { writeAtomically } from '../helpers/files.ts'
import { startGatewayProcess } from '../helpers/gateway-process.ts'
import { MetricsPage } from '../helpers/metrics-page.ts'
import { until } from '../helpers/until.ts'
import { instanceOf, startRemoteIdm } from '../sync/gateways.ts'
import { ADMIN, startGateway } from './parts.ts'
import { holdCreates, MAPPING } from './workers-stage.ts'

const READER = 'internal/role/reader'
const AS_READER = { 'x-openidm-username': 'reader', 'x-openidm-password': 'a reader' }
const ADMINISTRATOR = { pattern: '*', roles: 'internal/role/openidm-admin', methods: '*', actions: '*' }
const reading = (pattern: string) => ({ pattern, roles: READER, methods: 'read' })
const accounts = (...passwords: string[]) => ({
  serverAuthContext: {
    authModules: passwords.map((password) => ({
      ...{ name: 'STATIC_USER', enabled: true },
      properties: { queryOnResource: 'internal/user', username: 'reader', password, defaultUserRoles: [READER] },
    })),
  },
})

const named = ({ received }: Events, name: string) => received.filter((event) => event.name === name)
const isWriting = (text: string) => text.includes('ACTIVE_RECONCILING_SOURCE')

/** Two remotes, and the files of a gateway between them that has five users to create. */
async function remotes() {
  const [source, target] = [await startRemoteIdm(), await startRemoteIdm()]
  for (const id of ['u1', 'u2', 'u3', 'u4', 'u5']) await source.connection.create('managed/user', id, { userName: id })
  const conf = {
    'external.idm-a.json': instanceOf(source),
    'external.idm-b.json': instanceOf(target),
    'sync.json': { mappings: [MAPPING] },
    'authentication.json': accounts('a reader'),
    'access.json': { configs: [ADMINISTRATOR, reading('recon/*')] },
  }
  return { target, conf }
}

/** A gateway with a run that cannot go on until `target` lets it. */
async function startHeld() {
  const { target, conf } = await remotes()
  holdCreates(target)
  const gateway = await startGateway({ conf, plugins: [packageRoot] })
  const started = await gateway.call('/recon?_action=recon&mapping=m&persistAssociations=true', { method: 'POST' })
  const { _id: id } = started.json as { _id: string }
  const url = `${gateway.url}/recon/${id}`
  return { ...gateway, id, target, stream: (headers = {}) => openEvents(url, { ...ADMIN, ...headers }) }
}

describe('streams of runs', () => {
  it('tell how a run goes on until it ends, and what has changed since', async () => {
    const { stream, target, call, id } = await startHeld()
    const events = await stream()
    assert.equal(events.status, 200)
    assert.equal(events.headers['x-accel-buffering'], 'no')
    await until(() => named(events, 'run').some(({ data }) => data.state === 'ACTIVE'))
    await until(() => named(events, 'plan').length > 0)
    target.interfere = undefined
    await until(() => events.isOver)
    const last = named(events, 'run').at(-1)
    assert.deepEqual(last?.data, (await call(`/recon/${id}`)).json)
    assert.equal(last?.data.state, 'SUCCESS')
    assert.deepEqual(named(events, 'plan').at(-1)?.data, (await call(`/recon/plan/${id}`)).json)
    assert.equal(events.received.at(-1)?.name, 'end')
    // Nothing is sent twice: what did not change, or what a caller has.
    const ids = named(events, 'run').map((event) => event.id)
    assert.equal(new Set(ids).size, ids.length)
    const again = await stream({ 'last-event-id': String(last?.id) })
    await until(() => again.isOver)
    assert.deepEqual(
      again.received.map(({ name }) => name),
      ['end'],
    )
  })

  it('are no requests that take long: metrics leave them out', async () => {
    const { stream, target, call } = await startHeld()
    const requests = async () => {
      const family = 'openidm_external_idm_http_request_seconds'
      const { text } = await call(`/metrics/prometheus?name[]=${family}`)
      return new MetricsPage(text).sum(`${family}_count`, { method: 'GET' })
    }
    const before = await requests()
    const events = await stream()
    target.interfere = undefined
    await until(() => events.isOver)
    // The page of metrics itself.
    assert.equal(await requests(), before + 1)
  })

  it('are of single runs that are there; others are read as ever', async () => {
    const { call, url, stream, id } = await startHeld()
    assert.equal((await openEvents(`${url}/recon/none`, ADMIN)).status, 404)
    for (const path of ['/recon', '/recon/assoc', `/recon/plan/${id}`, `/recon/${id}?_fields=state`]) {
      const { headers } = await call(path, { headers: { ...ADMIN, accept: 'text/event-stream' } })
      assert.match(String(headers['content-type']), /^application\/json/, path)
    }
    const { headers } = await call(`/recon/${id}`, { headers: { ...ADMIN, accept: 'application/json' } })
    assert.match(String(headers['content-type']), /^application\/json/)
    assert.equal((await stream({ accept: 'application/json;q=0.5, text/event-stream' })).status, 200)
  })

  it('are judged by the access rules and accounts, also while they are open', async () => {
    const { stream, project, url, id } = await startHeld()
    const access = join(project.conf, 'access.json')
    assert.equal((await openEvents(`${url}/recon/${id}`, {})).status, 401)
    const events = await stream(AS_READER)
    await until(() => events.received.length > 1)
    await writeAtomically(access, { configs: [ADMINISTRATOR, reading('recon/other')] })
    await until(() => events.isOver)
    assert.equal(events.received.at(-1)?.name, 'error')
    assert.equal(events.received.at(-1)?.data.code, 403)
    assert.equal((await stream(AS_READER)).status, 403)
    // A plan is for those who may read it.
    await writeAtomically(access, { configs: [ADMINISTRATOR, reading(`recon/${id}`)] })
    await until(async () => {
      const other = await stream(AS_READER)
      if (other.status !== 200) return false
      await until(() => other.received.length > 0)
      assert.equal(named(other, 'plan').length, 0)
      return true
    })
  })

  it('end with the account', async () => {
    const { stream, project } = await startHeld()
    const events = await stream(AS_READER)
    await writeAtomically(join(project.conf, 'authentication.json'), accounts('another password'))
    await until(() => events.isOver)
    assert.equal(events.received.at(-1)?.data.code, 401)
  })

  it('are limited for each account, and given back', async () => {
    const { stream } = await startHeld()
    const open = await Promise.all(Array.from({ length: MAX_RUN_STREAMS_OF_ACCOUNT }, () => stream()))
    assert.deepEqual([...new Set(open.map(({ status }) => status))], [200])
    const refused = await stream()
    assert.deepEqual([refused.status, refused.headers['retry-after']], [429, '10'])
    assert.equal((await stream(AS_READER)).status, 200)
    open[0]?.close()
    await until(async () => (await stream()).status === 200)
  })

  it('do not hold up the gateway when it stops; another one goes on', async () => {
    const { stream, gateway, project, id } = await startHeld()
    const events = await stream()
    await until(() => named(events, 'run').length > 0)
    await gateway.stop()
    await until(() => events.isOver)
    assert.equal(named(events, 'end').length, 0)
    const next = await startGateway({ project, plugins: [packageRoot] })
    const again = await openEvents(`${next.url}/recon/${id}`, {
      ...ADMIN,
      'last-event-id': String(named(events, 'run').at(-1)?.id),
    })
    await until(() => again.isOver)
    assert.equal(named(again, 'run').at(-1)?.data.resumable, true)
    assert.equal(again.received.at(-1)?.name, 'end')
  })

  it('are served by each worker, whichever of them runs the reconciliation, and outlive it', async function () {
    if (process.platform !== 'linux') this.skip()
    this.timeout(60_000)
    const { target, conf } = await remotes()
    holdCreates(target)
    const gateway = await startGatewayProcess(conf, { args: ['--workers', '2'], env: { LOG_LEVEL: 'info' } })
    const started = await gateway.call('recon?_action=recon&mapping=m', { method: 'POST' })
    const url = `http://127.0.0.1:${gateway.port}/openidm/recon/${(started.json as { _id: string })._id}`
    const headers = { 'x-openidm-username': 'openidm-admin', 'x-openidm-password': 'a password for tests' }
    // Connections are dealt out at random: some are in the leader, and some are not.
    const all = await Promise.all(Array.from({ length: 12 }, () => openEvents(url, headers)))
    await until(() => all.every((events) => named(events, 'run').some(({ data }) => isWriting(String(data.stage)))))
    const leading = gateway.process.stderr.split('\n').find((line) => line.includes('this worker runs reconciliations'))
    process.kill(Number((JSON.parse(leading ?? '{}') as { worker: string }).worker), 'SIGKILL')
    await until(() => all.every(({ isOver }) => isOver))
    const ends = all.map((events) => events.received.at(-1)?.name)
    assert.ok(ends.includes('end'), ends.join())
    const [ended] = all.filter((events) => named(events, 'end').length > 0)
    assert.equal(ended && named(ended, 'run').at(-1)?.data.resumable, true)
  })
})
