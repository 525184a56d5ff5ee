import assert from 'node:assert/strict'
import { assertAccessible, closeBrowser, openConsole, picture, signIn } from './browser.ts'
import { ADMIN, PASSWORD, startStage } from './stage.ts'

describe('the console: the reference of the API', function () {
  this.timeout(120_000)
  after(closeBrowser)

  it('has what the account may use', async () => {
    const stage = await startStage()
    const { page, complaints } = await openConsole(`${stage.url}#/reference`)
    await signIn(page, ADMIN, PASSWORD)
    await page.getByText('/managed/user/{id}', { exact: true }).waitFor()
    await page.getByLabel('Search').fill('recon/{id}')
    await page.getByText('/managed/user/{id}', { exact: true }).waitFor({ state: 'detached' })
    await page.getByText('/recon/{id}', { exact: true }).click()
    await page.getByText('execute: Carry out a plan, or a part of it').waitFor()
    await assertAccessible(page)
    await picture(page, 'reference')
    assert.deepEqual(complaints, [])
  })
})
