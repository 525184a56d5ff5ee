import assert from 'node:assert/strict'
import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import type { JsonObject } from '../../lib/contract.ts'
import { delayed, fakeIdm } from '../helpers/fake-idm/fake-idm.ts'
import { startGatewayProcess } from '../helpers/gateway-process.ts'
import { until } from '../helpers/until.ts'

const USERS = 60
const TARGET = 'managed/user'

const MAPPING: JsonObject = {
  name: 'm',
  source: 'external/idm/eu/managed/user',
  target: 'external/idm/us/managed/user',
  properties: [{ source: 'userName', target: 'userName' }],
  keepRuns: 1,
}

describe('a project whose key is missing for a while', function () {
  this.timeout(120_000)

  it('keeps an interrupted run as it is: it is resumed when the key is back', async () => {
    const [eu, us] = [await fakeIdm(), await fakeIdm()]
    eu.seed(
      'managed/user',
      Array.from({ length: USERS }, (_, index) => ({ _id: `u${index}`, userName: `user.${index}` })),
    )
    us.seed(TARGET, [])
    const slow = us.intercept(`PUT ${TARGET}/*`, delayed(50))
    const instance = ({ url }: { url: string }) => ({
      ...{ authType: 'basic', instanceUrl: url, userName: 'svc', password: 'pw' },
    })
    const conf = { 'external.idm-eu.json': instance(eu), 'external.idm-us.json': instance(us) }
    const first = await startGatewayProcess({ ...conf, 'sync.json': { mappings: [MAPPING] } })
    const { project } = first
    const started = await first.call('recon?_action=recon&mapping=m', { method: 'POST' })
    const id = String((started.json as JsonObject)._id)
    await until(() => us.objects(TARGET).length > 10, 'the first objects')
    await first.process.kill('SIGKILL')
    slow.remove()

    const key = join(project, 'security/crypto.keys')
    renameSync(key, `${key}.away`)
    const without = await startGatewayProcess({}, { project })
    const shown = (await without.call(`recon/${id}`)).json as JsonObject
    assert.deepEqual([shown.state, shown.mapping], ['FAILED', 'm'])
    assert.match(String(shown.stageDescription), /is encrypted, and no key is configured/)
    const again = await without.call('recon?_action=recon&mapping=m', { method: 'POST' })
    assert.equal(again.status, 500)
    assert.match(again.text, /no key is configured.*security\/crypto\.keys/)
    const resumed = await without.call(`recon/${id}?_action=resume`, { method: 'POST' })
    assert.equal(resumed.status, 409)
    assert.match(resumed.text, /is encrypted, and no key is configured/)
    assert.equal(existsSync(key), false, 'no other key takes its place')
    await without.process.kill('SIGTERM')

    renameSync(`${key}.away`, key)
    const back = await startGatewayProcess({}, { project })
    const interrupted = (await back.call(`recon/${id}`)).json as JsonObject
    assert.deepEqual([interrupted.stage, interrupted.resumable], ['INTERRUPTED', true])
    await back.call(`recon/${id}?_action=resume&waitForCompletion=true`, { method: 'POST' })
    const { state, statusSummary } = (await back.call(`recon/${id}`)).json as JsonObject
    assert.deepEqual([state, (statusSummary as JsonObject).SUCCESS], ['SUCCESS', USERS])
    assert.equal(us.objects(TARGET).length, USERS)
  })
})
