import assert from 'node:assert/strict'
import { until } from '../../helpers/until.ts'
import { assertAccessible, closeBrowser, openConsole, picture, signIn } from './browser.ts'
import { ADMIN, PASSWORD, PEOPLE, startStage } from './stage.ts'

/** Carries local users over to the remote, one change at a time. */
const LIVE = {
  ...PEOPLE,
  ...{ name: 'live', source: 'managed/user', target: 'external/idm/eu/managed/alpha_user', requireApproval: false },
  queuedSync: {
    enabled: true,
    maxRetries: 1,
    retryDelay: 100,
    pollingInterval: 100,
    postRetryAction: 'dead-letter-queue',
  },
}

describe('the console: the queue', function () {
  this.timeout(120_000)
  after(closeBrowser)

  it('shows what waits and what was given up, and lets it be tried again', async () => {
    const stage = await startStage({ conf: { 'sync.json': { mappings: [LIVE] } } })
    await stage.call('/sync/queue?_action=pause&mapping=live', { method: 'POST' })
    for (const name of ['bjensen', 'scarter']) {
      const user = { userName: name, givenName: 'A', sn: 'B', mail: `${name}@example.com` }
      await stage.call(`/managed/user/${name}`, { method: 'PUT', json: user })
    }
    const { page, complaints } = await openConsole(`${stage.url}#/queue`)
    await signIn(page, ADMIN, PASSWORD)
    const button = (name: string) => page.getByRole('button', { name, exact: true })

    // Paused, both wait.
    await page.getByText('paused', { exact: true }).waitFor()
    await button('live').click()
    await page.getByText('managed/user/bjensen').waitFor()
    await assertAccessible(page)
    await picture(page, 'queue')

    // Released while the remote refuses them, both are given up.
    stage.remote.interfere = ({ method }) => (method === 'GET' ? undefined : 400)
    await button('Release live').click()
    await page.getByRole('region', { name: 'Changes that were given up' }).getByText('managed/user/scarter').waitFor()
    await assertAccessible(page)

    // One is dropped, the other carried over by a second try.
    await button('Drop scarter').click()
    await button('Drop').click()
    await page.getByText('managed/user/scarter').waitFor({ state: 'detached' })
    stage.remote.interfere = undefined
    await button('Try again: bjensen').click()
    await page.getByText('Nothing was given up.').waitFor()
    await page.getByText('Nothing waits.').waitFor()
    const query = { _queryFilter: 'userName eq "bjensen"' }
    await until(async () => (await stage.remote.connection.query('managed/alpha_user', query)).result.length === 1)
    assert.deepEqual(complaints, [])
  })
})
