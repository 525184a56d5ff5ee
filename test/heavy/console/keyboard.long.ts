import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { assertAccessible, closeBrowser, openConsole } from './browser.ts'
import { ADMIN, PASSWORD, startStage } from './stage.ts'

const MAX_TABS = 80

/** Moves the focus forward until it is on what has this name, as a screen reader says it. */
async function tabTo(page: Page, name: RegExp): Promise<void> {
  const seen: string[] = []
  for (let tabs = 0; tabs < MAX_TABS; tabs++) {
    await page.keyboard.press('Tab')
    const text = await focused(page)
    if (name.test(text)) return
    seen.push(text)
  }
  assert.fail(`nothing with the name ${name} can be reached, only ${seen.join(' | ')}`)
}

const focused = (page: Page): Promise<string> =>
  page.evaluate<string>(`(() => {
    const { activeElement: element } = document
    const label = element?.labels?.[0]?.textContent
    return [element?.getAttribute('aria-label') ?? label ?? element?.textContent ?? '', element?.tagName].join(' ').trim()
  })()`)

describe('the console by keyboard', function () {
  this.timeout(120_000)
  after(closeBrowser)

  it('signs in, plans, approves and carries out', async () => {
    const stage = await startStage()
    const { page, complaints } = await openConsole(stage.url)
    // The first field has the focus.
    await page.getByLabel('User name').waitFor()
    await page.keyboard.type(ADMIN)
    await tabTo(page, /^Password /)
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'people' }).waitFor()
    assert.match(await focused(page), /^Synchronization H1$/)
    await tabTo(page, /^people A$/)
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Dry run' }).waitFor()
    await tabTo(page, /^Dry run BUTTON$/)
    await page.keyboard.press('Enter')
    // Rows are there before the plan has ended.
    await page.getByRole('button', { name: 'Approve' }).waitFor()
    await page.getByRole('button', { name: 'bjensen' }).waitFor()
    await tabTo(page, /^Approve BUTTON$/)
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Carry out…' }).waitFor()
    // A row opens and closes.
    await tabTo(page, /^bjensen BUTTON$/)
    await page.keyboard.press('Space')
    await page.getByText('bjensen@example.com').waitFor()
    await page.keyboard.press('Space')
    await page.getByText('bjensen@example.com').waitFor({ state: 'detached' })
    // A dialog is left with Escape; the focus is back where it was.
    await tabTo(page, /^Carry out… BUTTON$/)
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    // A dialog that is closed has no role any more, but is still there for a moment.
    await page.locator('dialog').waitFor({ state: 'detached' })
    assert.match(await focused(page), /^Carry out… BUTTON$/)
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await tabTo(page, /^Carry out BUTTON$/)
    await page.keyboard.press('Enter')
    await page.getByText('4 created').waitFor()
    assert.deepEqual(complaints, [])
  })

  it('skips to the content, and fits a phone in the dark', async () => {
    const stage = await startStage()
    const { page } = await openConsole(stage.url, { viewport: { width: 360, height: 740 }, colorScheme: 'dark' })
    await page.getByLabel('User name').fill(ADMIN)
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'people' }).waitFor()
    await assertAccessible(page)
    for (const area of ['Instances', 'Faults', 'Log', 'Synchronization']) {
      await page.getByRole('link', { name: area }).click()
      await page.getByRole('heading', { name: area, level: 1 }).waitFor()
      await assertAccessible(page)
      const wide = await page.evaluate<boolean>('document.documentElement.scrollWidth > innerWidth')
      assert.equal(wide, false, `${area} scrolls sideways`)
    }
    await page.getByRole('button', { name: 'Skip to the content' }).focus()
    await page.keyboard.press('Enter')
    assert.match(await focused(page), / MAIN$/)
  })
})
