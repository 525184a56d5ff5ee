import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { fixedKeys, KeyWrapper } from '../../../lib/config/values/crypto/key-wrapper.ts'
import { silentLog } from '../../../lib/core/log.ts'
import { projectKeys } from '../../../lib/gateway/project-keys.ts'
import { openRepository } from '../../../lib/repo/open.ts'
import type { Row } from '../../../lib/repo/runs/run-row.ts'
import { until } from '../../helpers/until.ts'
import { closeBrowser, openConsole, signIn } from './browser.ts'
import { behindPrefix } from './prefix.ts'
import { ADMIN, PASSWORD, type Stage, startStage } from './stage.ts'

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })

const MINUTE = 60_000

describe('the console when something happens', function () {
  this.timeout(6 * MINUTE)
  after(closeBrowser)

  it('a wrong password, and a reload, sign in again; nothing is stored', async () => {
    const stage = await startStage()
    const { page } = await openConsole(stage.url)
    await page.getByLabel('User name').fill(ADMIN)
    await page.getByLabel('Password', { exact: true }).fill('wrong')
    await button(page, 'Sign in').click()
    await page.getByText('User name or password is wrong.').waitFor()
    await signIn(page, ADMIN, PASSWORD)
    const kept = await page.evaluate<unknown>(
      'Promise.all([indexedDB.databases(), caches.keys()]).then((lists) => [localStorage.length, sessionStorage.length, document.cookie, lists.flat().length])',
    )
    assert.deepEqual(kept, [0, 0, '', 0])
    await page.reload()
    await button(page, 'Sign in').waitFor()
  })

  it('works behind a path prefix', async () => {
    const stage = await startStage()
    const { page, complaints } = await openConsole(`${await behindPrefix(stage)}/some/where/openidm/console`)
    await signIn(page, ADMIN, PASSWORD)
    await page.getByRole('link', { name: 'people' }).click()
    await button(page, 'Dry run').click()
    await page.getByText('waits for approval', { exact: true }).waitFor()
    assert.match(page.url(), /\/some\/where\/openidm\/console\/#\/run\//)
    assert.deepEqual(complaints, [])
  })

  it('a plan of 100,000 rows is read a page at a time', async () => {
    const stage = await startStage()
    const path = '/recon?_action=recon&mapping=people&analyze=true&persistAssociations=true&waitForCompletion=true'
    const { _id } = (await stage.call(path, { method: 'POST' })).json as { _id: string }
    await stage.restart(() => multiply(stage, _id, 100_000))
    const { page } = await openConsole(`${stage.url}#/run/${_id}`)
    await signIn(page, ADMIN, PASSWORD)
    await page.getByText('100,000').first().waitFor()
    const rows = page.getByRole('region', { name: 'Rows of the plan' }).locator('tbody tr')
    await until(async () => (await rows.count()) === 50)
    await button(page, 'Next page').click()
    await button(page, 'user50').waitFor()
    const from = performance.now()
    await page.getByLabel('Search').fill('user99999')
    await button(page, 'Search').click()
    // Every row is read for it: seconds on a machine that has time.
    await button(page, 'user99999').waitFor({ timeout: 5 * MINUTE })
    console.log(`      the last row is found in ${Math.round(performance.now() - from)} ms`)
  })
})

/** Gives a plan as many rows as this, all like its first. The gateway is stopped. */
async function multiply({ project }: Stage, id: string, count: number): Promise<void> {
  const ring = projectKeys(project.dir, process.env)
  const keys = new KeyWrapper(fixedKeys(ring))
  const repository = await openRepository({ file: join(project.db, 'openidm.db'), keys, log: silentLog })
  const run = await repository.runs().find(id)
  const rows = repository.runs().rows(run?.number ?? 0)
  const present = await rows.after(0, 10)
  const [first] = present
  assert.ok(first)
  const rowOf = (number: number): Row => ({
    ...first,
    key: 0,
    sourceId: `many-${number}`,
    changes: [{ field: '/userName', from: null, to: `user${number}` }],
  })
  for (let number = present.length; number < count; number += 5000) {
    const length = Math.min(5000, count - number)
    await rows.add(
      Array.from({ length }, (_, index) => rowOf(number + index)),
      true,
    )
  }
  await repository.close()
}
