import assert from 'node:assert/strict'
import { startGatewayProcess } from '../helpers/gateway-process.ts'
import { MetricsPage } from '../helpers/metrics-page.ts'
import { startRemote } from '../helpers/remote.ts'
import { basic } from '../security/app.ts'

/** Few enough to be quick, and so many that all going to one worker is rarely seen. */
const REQUESTS = 10

describe('metrics of --workers', () => {
  before(function () {
    if (process.platform !== 'linux') this.skip()
  })

  it('are the sum of all, whichever worker is asked', async () => {
    const remote = await startRemote()
    const gateway = await startGatewayProcess({ 'external.idm-eu.json': basic(remote) }, { args: ['--workers', '2'] })
    for (let count = 0; count < REQUESTS; count++)
      assert.equal((await gateway.call('external/idm/eu/managed/user')).status, 200)
    for (let count = 0; count < REQUESTS; count++) {
      const page = new MetricsPage((await gateway.call('metrics/prometheus')).text)
      assert.equal(page.sum('openidm_external_idm_requests_total', { remote: 'eu' }), REQUESTS)
      assert.equal(page.sum('openidm_external_idm_request_seconds_count', { remote: 'eu' }), REQUESTS)
      assert.equal(page.sum('openidm_external_idm_ready'), 2)
      assert.equal(page.sum('openidm_external_idm_instance_state', { remote: 'eu', state: 'READY' }), 1)
      const part = 'name[]=openidm_external_idm_requests_total&remote[]=eu'
      const { text } = await gateway.call(`metrics/prometheus?${encodeURI(part)}`)
      assert.equal(new MetricsPage(text).sum('openidm_external_idm_requests_total', { remote: 'eu' }), REQUESTS)
      assert.doesNotMatch(text, /openidm_external_idm_ready/)
    }
  })
})
