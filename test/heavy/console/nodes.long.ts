import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { buildConsole } from '../../console/build.ts'
import { holdCreates, isWriting, leaders, MAPPING, startWorkersStage } from '../../gateway/workers-stage.ts'
import { PASSWORD } from '../../helpers/gateway-process.ts'
import { until } from '../../helpers/until.ts'
import { assertAccessible, closeBrowser, openConsole, picture, signIn } from './browser.ts'
import { ADMIN } from './stage.ts'

const MAPPINGS = [
  { ...MAPPING, name: 'people' },
  { ...MAPPING, name: 'live', source: 'managed/user', queuedSync: { enabled: true } },
]

const row = (page: Page, name: string) => page.getByRole('row').filter({ has: page.getByText(name, { exact: true }) })

describe('the console: the nodes', function () {
  this.timeout(120_000)
  before(function () {
    if (process.platform !== 'linux') this.skip()
  })
  after(closeBrowser)

  it('shows each with the leader and its work, one that dies, and who takes over', async () => {
    await buildConsole()
    const stage = await startWorkersStage({
      conf: { 'sync.json': { mappings: MAPPINGS }, 'gateway.json': { live: true } },
    })
    const { gateway, target } = stage
    await gateway.call('sync/queue?_action=pause&mapping=live', { method: 'POST' })
    const user = { userName: 'bjensen', givenName: 'Barbara', sn: 'Jensen', mail: 'bjensen@example.com' }
    await gateway.call('managed/user/bjensen', { method: 'PUT', json: user })
    holdCreates(target, 60)
    await gateway.call('recon?_action=recon&mapping=people', { method: 'POST' })
    await until(() => isWriting(target), 'the run writes')

    const { page, complaints } = await openConsole(`http://127.0.0.1:${gateway.port}/openidm/console/`)
    await signIn(page, ADMIN, PASSWORD)
    // By keyboard, from the areas.
    await page.getByRole('link', { name: 'Nodes' }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Nodes', level: 1 }).waitFor()
    await page.getByText('The gateway is ready').waitFor()
    const leader = row(page, 'leader')
    await leader.getByText(`process ${stage.leader()}`, { exact: true }).waitFor()
    assert.equal(await page.getByText('running', { exact: true }).count(), 3)
    const work = page.getByRole('region', { name: 'Under way' })
    await work.getByRole('link', { name: 'people', exact: true }).waitFor()
    await work.getByRole('link', { name: 'Queued changes that wait: 1' }).waitFor()
    await assertAccessible(page)
    await picture(page, 'nodes')

    // It dies: it is down, another leads, and it comes back by its name.
    const killed = stage.leader()
    const name = (await leader.getByRole('cell').first().innerText()).split('\n')[0] ?? ''
    process.kill(killed, 'SIGKILL')
    await until(() => leaders(gateway).length === 2, 'another leads')
    await row(page, 'leader').getByText(`process ${stage.leader()}`, { exact: true }).waitFor()
    await row(page, name)
      .getByText(new RegExp(`^It replaces process ${killed}, which ended .* \\(SIGKILL\\)$`))
      .waitFor()
    await page.getByText('No run is active.').waitFor()
    await assertAccessible(page)

    // A link leads to the queue.
    await work.getByRole('link', { name: 'Queued changes that wait: 1' }).click()
    await page.getByRole('heading', { name: 'Queue', level: 1 }).waitFor()
    assert.deepEqual(complaints, [])
  })
})
