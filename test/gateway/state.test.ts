import assert from 'node:assert/strict'
import { join } from 'node:path'
import { createLog } from '../../lib/gateway/project/log.ts'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { RecentErrors } from '../../lib/gateway/project/recent-errors.ts'
import { writeAtomically } from '../helpers/files.ts'
import { until } from '../helpers/until.ts'
import { ANONYMOUS, startGateway } from './parts.ts'

interface Rows {
  readonly result: readonly Record<string, unknown>[]
}

describe('the state of a gateway over REST', () => {
  it('gateway/faults: what doctor shows, as it is now', async () => {
    const { call, project } = await startGateway({
      conf: { 'external.idm-eu.json': { authType: 'basic' } },
      plugins: [packageRoot],
    })
    const faults = async () => ((await call('/gateway/faults?_queryFilter=kind+eq+"fault"')).json as Rows).result
    const [first] = await faults()
    assert.deepEqual([first?.file, first?.kind], ['external.idm-eu.json', 'fault'])
    assert.ok(first?.what && first.cure)
    const good = { authType: 'basic', instanceUrl: 'http://localhost:1/', userName: 'x', password: 'y' }
    await writeAtomically(join(project.conf, 'external.idm-eu.json'), good)
    await until(async () => (await faults()).length === 0)
  })

  it('gateway/log: the last warnings and errors, the latest first', async () => {
    const { call } = await startGateway({
      conf: { 'external.idm-eu.json': { authType: 'basic' } },
      plugins: [packageRoot],
    })
    const { result } = (await call('/gateway/log?_queryFilter=true')).json as Rows
    assert.ok(result.some(({ message }) => /external\.idm-eu\.json/.test(String(message))))
  })

  it('is for administrators', async () => {
    const { call } = await startGateway()
    for (const path of ['/gateway/faults', '/gateway/log'])
      assert.ok([401, 403].includes((await call(`${path}?_queryFilter=true`, { headers: ANONYMOUS })).status), path)
  })
})

describe('the last errors', () => {
  it('are bounded, and are those of all children of the log', () => {
    const recent = new RecentErrors()
    const log = recent.follow(createLog({ level: 'silent' }))
    log.info({}, 'not this')
    log.child({ plugin: 'x' }).error({ err: new Error('inner'), name: 'n', object: {} }, 'outer')
    const [entry] = recent.entries
    assert.deepEqual([entry?.level, entry?.message, entry?.about], ['error', 'outer: inner', { name: 'n' }])
    for (let number = 0; number < 1000; number++) log.warn({}, 'x'.repeat(10_000))
    assert.equal(recent.entries.length, 200)
    assert.ok(recent.entries.every(({ message }) => String(message).length <= 2000))
  })
})
