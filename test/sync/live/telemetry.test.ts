import assert from 'node:assert/strict'
import { MetricsPage } from '../../helpers/metrics-page.ts'
import { startSdk } from '../../helpers/tracing.ts'
import { LOCAL, mappingTo, person, SOURCE, startLive } from './live-stage.ts'

describe('implicit synchronization, measured', () => {
  it('is counted and timed by mapping, situation and status, and is a span', async () => {
    const stage = await startLive([mappingTo(LOCAL)])
    const spans = startSdk()
    await stage.connection.create(SOURCE, 'a', person('a'))
    await stage.notify('Create', 'a')
    await stage.notify('Update', 'a')
    await stage.connection.delete(`${SOURCE}/a`, null)
    await stage.notify('Delete', 'a')
    const page = new MetricsPage((await stage.gateway.call('/metrics/prometheus')).text)
    const counts = page.series.filter(({ name }) => name === 'openidm_external_idm_sync_changes_total')
    assert.deepEqual(
      counts.map(({ labels: { mapping, situation, status }, value }) => [mapping, situation, status, value]),
      [
        ['m', 'ABSENT', 'SUCCESSFUL', 1],
        ['m', 'CONFIRMED', 'SUCCESSFUL', 1],
        ['m', 'SOURCE_MISSING', 'FAILED', 1],
      ],
    )
    assert.equal(page.series.find(({ name }) => name === 'openidm_external_idm_sync_seconds_count')?.value, 3)
    const own = spans().filter(({ name }) => name === 'implicit synchronization')
    assert.deepEqual(
      own.map(({ attributes }) => ({ ...attributes })),
      [
        { 'openidm.mapping': 'm', 'openidm.sync.action': 'notifyCreate' },
        { 'openidm.mapping': 'm', 'openidm.sync.action': 'notifyUpdate' },
        { 'openidm.mapping': 'm', 'openidm.sync.action': 'notifyDelete', 'error.type': 'row' },
      ],
    )
  })
})
