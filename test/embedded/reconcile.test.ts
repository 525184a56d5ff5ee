import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateKey } from '../../lib/config/values/crypto/crypto.ts'
import type { JsonObject } from '../../lib/contract.ts'
import { takeOwnership } from '../../lib/gateway/ownership.ts'
import { projectOfConf } from '../../lib/gateway/project/project.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { held } from '../helpers/fake-idm/fake-idm.ts'
import { spawnNode } from '../helpers/process.ts'
import { until } from '../helpers/until.ts'
import { MAPPING, people, project, start, USERS } from './stage.ts'

const lines = (remote: { readonly writes: readonly { readonly line: string }[] }) =>
  remote.writes.map(({ line }) => line)

describe('reconciliation in an application', () => {
  it('a dry run plans and writes nothing, a run creates, the next one changes what has changed', async () => {
    const { one, two, idm } = await start(await project())
    one.seed(USERS, people(3))
    const planned = await idm.reconcile('m', { dryRun: true })
    assert.equal(planned.state, 'SUCCESS')
    assert.deepEqual(lines(two), [])
    const entries = await idm.openidm.query(`recon/plan/${String(planned._id)}/entry`, { _queryFilter: 'true' })
    assert.deepEqual(
      entries.result.map(({ sourceObjectId, action }) => `${String(sourceObjectId)} ${String(action)}`),
      ['u0 CREATE', 'u1 CREATE', 'u2 CREATE'],
    )

    const run = await idm.reconcile('m')
    assert.equal(run.state, 'SUCCESS')
    assert.deepEqual(
      two
        .objects(USERS)
        .map(({ userName }) => userName)
        .sort(),
      ['user.0', 'user.1', 'user.2'],
    )
    const links = await idm.openidm.query('repo/link', { _queryFilter: 'true' })
    assert.equal(links.resultCount, 3)
    assert.deepEqual((await idm.openidm.read(`recon/${String(run._id)}`))?.state, 'SUCCESS')

    one.seed(USERS, [{ _id: 'u1', userName: 'user.1', sn: 'Other' }])
    const before = two.writes.length
    await idm.reconcile('m')
    assert.deepEqual(
      two.writes.slice(before).map(({ method }) => method),
      ['PATCH'],
    )
  })

  it('only the objects that are named', async () => {
    const { one, two, idm } = await start(await project())
    one.seed(USERS, people(3))
    assert.equal((await idm.reconcile('m', { ids: ['u1'] })).state, 'SUCCESS')
    assert.deepEqual(
      two.objects(USERS).map(({ userName }) => userName),
      ['user.1'],
    )
    await assert.rejects(idm.reconcile('m', { ids: [] }), { code: 400, message: /ids is empty/ })
  })

  it('settings of one run replace those of the mapping; unknown ones are named', async () => {
    const { one, two, idm } = await start(await project())
    one.seed(USERS, people(3))
    await idm.reconcile('m', { overrides: { sourceQuery: { _queryFilter: 'userName eq "user.1"' } } })
    assert.deepEqual(
      two.objects(USERS).map(({ userName }) => userName),
      ['user.1'],
    )
    await assert.rejects(idm.reconcile('m', { overrides: { maxDelete: 1 } }), { code: 400, message: /maxDelete/ })
  })

  it('scripts of a mapping run, with the functions of openidm and the files beside conf/', async () => {
    const scripted = {
      ...MAPPING,
      properties: [
        { source: 'userName', target: 'userName' },
        { source: 'sn', target: 'sn', transform: { type: 'text/javascript', file: 'upper.js' } },
      ],
    }
    const { one, two, idm } = await start(
      await project({
        'conf/mapping-m.json': scripted,
        'script/upper.js': `openidm.read('external/idm/one/${USERS}/u0').sn.toUpperCase() + source.length`,
      }),
    )
    one.seed(USERS, people(1))
    assert.equal((await idm.reconcile('m')).state, 'SUCCESS')
    assert.equal(two.objects(USERS)[0]?.sn, 'NAME 06')
  })

  it('a signal cancels the run, which then has ended', async () => {
    const { one, two, idm } = await start(await project())
    one.seed(USERS, people(50))
    const gate = held()
    two.intercept(`POST ${USERS}`, gate)
    two.intercept(`PUT ${USERS}/*`, gate)
    const abort = new AbortController()
    const running = idm.reconcile('m', { signal: abort.signal })
    await until(() => gate.waiting > 0, 'the first objects are being created')
    abort.abort()
    gate.release()
    const run = await running
    assert.equal(run.state, 'CANCELED')
    assert.ok(two.ids(USERS).length < 50)
    await assert.rejects(idm.reconcile('m', { signal: AbortSignal.abort(new Error('too late')) }), /too late/)
  })

  it('close interrupts what runs and resolves when it has ended; links and runs are there after the next start', async () => {
    const own = await project()
    const { one, two, idm } = await start(own)
    one.seed(USERS, people(20))
    const gate = held()
    two.intercept(`PUT ${USERS}/*`, gate)
    two.intercept(`POST ${USERS}`, gate)
    const running = idm.reconcile('m')
    await until(() => gate.waiting > 0, 'the first objects are being created')
    const closed = idm.dispose()
    gate.release()
    const { stage } = await running
    assert.equal(stage, 'INTERRUPTED')
    await closed
    await assert.rejects(idm.reconcile('m'), { code: 409 })
    const again = await start(own)
    const { reconciliations } = (await again.idm.openidm.read('recon')) ?? {}
    assert.deepEqual(
      (reconciliations as JsonObject[]).map(({ state, resumable }) => [state, resumable]),
      [['FAILED', true]],
    )
    assert.equal((await again.idm.reconcile('m')).state, 'SUCCESS')
    assert.equal(two.ids(USERS).length, 20)
  })

  it('a mapping of managed objects is named as a fault when it is loaded', async () => {
    const local = { ...MAPPING, target: 'managed/user' }
    const { idm, log } = await start(await project({ 'conf/mapping-local.json': local }))
    const why =
      /mapping-local\.json: mapping local: target: nothing serves managed\/user here; only the reference gateway/
    assert.ok(log.messages('error').some((message) => why.test(message)))
    await assert.rejects(idm.reconcile('local'), { code: 409, message: why })
    await assert.rejects(idm.reconcile('none'), { code: 409, message: /No such mapping: none/ })
    assert.equal((await idm.reconcile('m')).state, 'SUCCESS')
  })

  it('without the option `sync` there is none', async () => {
    const { idm, call } = await start(await project(), { sync: undefined })
    await assert.rejects(idm.reconcile('m'), { code: 409, message: /option "sync"/ })
    assert.equal((await call('recon')).text, 'of the host')
    assert.equal((await call('config/external.idm/one')).status, 200)
    assert.equal((await call('config/mapping/m')).status, 404)
  })
})

describe('the database of an application', () => {
  it('is used by one router at a time', async () => {
    const own = await project()
    const first = await start(own)
    await assert.rejects(start(own), /db\/openidm\.db: another process, or another router of this one, uses a database/)
    await first.idm.close()
    await start(own)
  })

  it('is used by one process at a time', async () => {
    const own = await project()
    await start(own)
    const index = join(import.meta.dirname, '../../lib/index.ts')
    const script = `
      const { externalIdm } = await import(${JSON.stringify(index)})
      await externalIdm({ confDir: 'conf', authorize: () => true, authorizeManagement: () => true, sync: { db: 'db/openidm.db' } })`
    const other = spawnNode(['--input-type=module', '-e', script], { cwd: own.dir })
    assert.equal((await other.exited).code, 1)
    assert.match(other.stderr, /another process/)
  })

  it('encrypts what runs keep, with the keys of the environment or a first one beside conf/', async () => {
    const own = await project()
    own.one.seed(USERS, people(1))
    const keys = join(own.dir, 'security/crypto.keys')
    const given = await start(own, { env: { IDM_CRYPTO_KEYS: generateKey('own') } })
    assert.equal((await given.idm.reconcile('m', { dryRun: true })).state, 'SUCCESS')
    assert.equal(existsSync(keys), false)
    await given.idm.close()
    const other = await project()
    other.one.seed(USERS, people(1))
    const { idm } = await start(other)
    assert.equal((await idm.reconcile('m', { dryRun: true })).state, 'SUCCESS')
    assert.match(await readFile(join(other.dir, 'security/crypto.keys'), 'utf8'), /^[\w-]+:\S{44}\n$/)
    await idm.close()
    for (const { dir } of [own, other])
      for (const file of await readdir(join(dir, 'db')))
        assert.equal((await readFile(join(dir, 'db', file))).includes('Name 0'), false, file)
  })

  it('is not used beside a gateway on the same project', async () => {
    const own = await project()
    const owner = await takeOwnership(projectOfConf(join(own.dir, 'conf')), 'gateway')
    onCleanUp(() => owner.release())
    await assert.rejects(start(own), /another process/)
  })
})
