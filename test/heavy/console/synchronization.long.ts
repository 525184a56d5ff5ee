import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { until } from '../../helpers/until.ts'
import { assertAccessible, closeBrowser, openConsole, picture, signIn } from './browser.ts'
import { ADMIN, PASSWORD, PEOPLE, type Stage, startStage } from './stage.ts'

const MINUTE = 60_000

async function opened(stage: Stage) {
  const { page, complaints } = await openConsole(stage.url)
  await signIn(page, ADMIN, PASSWORD)
  return { page, complaints }
}

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })

const totalUsers = async ({ call }: Stage): Promise<number> =>
  ((await call('/managed/user?_queryFilter=true&_fields=_id')).json as { resultCount: number }).resultCount

describe('the console: synchronization', function () {
  this.timeout(2 * MINUTE)
  after(closeBrowser)

  it('leads from a dry run to an approved and finished run, and back', async () => {
    const stage = await startStage()
    const { page, complaints } = await openConsole(stage.url)
    await assertAccessible(page)
    await picture(page, 'sign-in')
    await signIn(page, ADMIN, PASSWORD)
    await page.getByRole('link', { name: 'people' }).waitFor()
    await assertAccessible(page)
    await picture(page, 'mappings')
    await page.getByRole('link', { name: 'people' }).click()
    await button(page, 'Dry run').click()

    // The plan is read.
    await page.getByText('waits for approval', { exact: true }).waitFor()
    await page.getByRole('table').last().getByText('CREATE').first().waitFor()
    assert.equal(await totalUsers(stage), 0)
    await button(page, 'bjensen').click()
    await page.getByText('bjensen@example.com').waitFor()
    await assertAccessible(page)
    await picture(page, 'plan')

    // It is approved and carried out.
    assert.equal(await button(page, 'Carry out…').count(), 0)
    await button(page, 'Approve').click()
    await page.getByText('approved', { exact: true }).waitFor()
    await button(page, 'Carry out…').click()
    await assertAccessible(page)
    await picture(page, 'carry-out')
    await page.getByRole('dialog').getByRole('button', { name: 'Carry out' }).click()
    await page.getByRole('heading', { name: 'Run of people' }).waitFor()
    await page.getByText('4 created').waitFor()
    await page.getByText('done', { exact: true }).first().waitFor()
    await assertAccessible(page)
    await picture(page, 'run')
    assert.equal(await totalUsers(stage), 4)

    // And undone.
    await button(page, 'Undo…').click()
    await page.getByLabel(/Also delete the 4 objects/).check()
    await button(page, 'Make the plan').click()
    await page.getByRole('heading', { name: 'Undo plan of people' }).waitFor()
    await button(page, 'Approve').click()
    await button(page, 'Carry out…').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Carry out' }).click()
    await page.getByRole('heading', { name: 'Undo of people' }).waitFor()
    await page.getByText('4 deleted').waitFor()
    assert.equal(await totalUsers(stage), 0)
    assert.deepEqual(complaints, [])
  })

  it('finds rows: by situation, by kind, by a word', async () => {
    const stage = await startStage()
    await stage.call('/managed/user/there', {
      method: 'PUT',
      json: { userName: 'bjensen', givenName: 'B', sn: 'Jensen', mail: 'b@example.com' },
    })
    const { page } = await opened(stage)
    await page.getByRole('link', { name: 'people' }).click()
    await button(page, 'Dry run').click()
    const rows = page.getByRole('region', { name: 'Rows of the plan' }).locator('tbody tr')
    await rows.nth(3).waitFor()
    await page.getByLabel('Situation', { exact: true }).selectOption('FOUND')
    await until(async () => (await rows.count()) === 1)
    await button(page, 'bjensen').or(button(page, 'id-1')).click()
    await page.locator('del', { hasText: 'b@example.com' }).waitFor()
    await button(page, 'Show all rows').click()
    await rows.nth(3).waitFor()
    await page.getByLabel('Search').fill('vaughan')
    await button(page, 'Search').click()
    await button(page, 'kvaughan').waitFor()
    await until(async () => (await rows.count()) === 1)
    await page.getByLabel('Search').fill('nobody at all')
    await button(page, 'Search').click()
    await page.getByText('No row matches.').waitFor()
  })

  it('shows what differs between two plans', async () => {
    const stage = await startStage()
    const plan = () =>
      stage.call('/recon?_action=recon&mapping=people&analyze=true&persistAssociations=true&waitForCompletion=true', {
        method: 'POST',
      })
    await plan()
    await stage.remote.connection.create('managed/user', 'later', {
      userName: 'later',
      givenName: 'L',
      sn: 'Ater',
      mail: 'l@example.com',
    })
    await plan()
    const { page } = await opened(stage)
    await page.getByRole('link', { name: 'people' }).click()
    const boxes = page.getByRole('checkbox', { name: /^Compare plan/ })
    await boxes.nth(1).waitFor()
    await boxes.nth(0).check()
    await boxes.nth(1).check()
    await button(page, 'Show the differences of two').click()
    await page.getByText('new', { exact: true }).waitFor()
    await button(page, 'later').waitFor()
    await assertAccessible(page)
    await picture(page, 'differences')
  })

  it('follows a run, cancels it, and resumes one after a restart of the gateway', async () => {
    const mapping = { ...PEOPLE, requireApproval: false, taskThreads: 1, runTargetPhase: false }
    const people = Array.from({ length: 400 }, (_, n) => [`user${n}`, 'A', `B${n}`] as const)
    const target = {
      ...mapping,
      name: 'back',
      source: 'managed/user',
      target: 'external/idm/eu/managed/alpha_user',
      enableSync: false,
    }
    const stage = await startStage({ conf: { 'sync.json': { mappings: [mapping, target] } }, people })
    await stage.call('/recon?_action=recon&mapping=people&waitForCompletion=true', { method: 'POST' })
    const slow = stage.remote
    const { page, complaints } = await opened(stage)
    await page.getByRole('link', { name: 'back' }).click()
    let isHeld = true
    slow.interfere = ({ method }) => (isHeld && method !== 'GET' ? 503 : undefined)
    slow.retryAfter = '1'
    const asked: string[] = []
    page.on('request', (request) => {
      if (/\/recon\/[0-9a-f-]+$/.test(request.url())) asked.push(request.headers().accept ?? '')
    })
    await button(page, 'Run without a plan…').click()
    await button(page, 'Run now').click()
    await page.getByText('running', { exact: true }).waitFor()
    await page.getByRole('progressbar').waitFor()
    // One stream, however much it tells.
    await page.getByText(/[1-9]\d* sources|of 400 sources/).waitFor()
    assert.deepEqual(
      asked.map((accept) => accept.split(',')[0]),
      ['text/event-stream'],
    )
    // None while nobody looks.
    const see = (hidden: boolean) =>
      page.evaluate(`Object.defineProperty(document, 'hidden', { configurable: true, value: ${hidden} })
        document.dispatchEvent(new Event('visibilitychange'))`)
    const isStream = () => asked.at(-1)?.startsWith('text/event-stream')
    await see(true)
    await until(() => !isStream())
    await see(false)
    await until(isStream)
    await picture(page, 'progress')
    // The gateway goes away and comes back: the page follows.
    await stage.restart(async () => {
      await page.getByText('The gateway does not answer.').waitFor()
    })
    await page.getByText('interrupted', { exact: true }).waitFor()
    isHeld = false
    await button(page, 'Resume').click()
    await page.getByText(/created/).waitFor()
    await page.getByText('ended', { exact: true }).waitFor()
    isHeld = true
    await page.getByRole('link', { name: 'back' }).click()
    const later = { userName: 'later', givenName: 'L', sn: 'Ater', mail: 'l@example.com' }
    await stage.call('/managed/user/later', { method: 'PUT', json: later })
    await button(page, 'Run without a plan…').click()
    await button(page, 'Run now').click()
    await page.getByText('running', { exact: true }).waitFor()
    await button(page, 'Cancel…').click()
    await button(page, 'Cancel the run').click()
    isHeld = false
    await page.getByText('canceled', { exact: true }).waitFor()
    assert.deepEqual(complaints, [])
  })
})
