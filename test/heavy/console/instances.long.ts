import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { PASSWORD as REMOTE_PASSWORD, startGateway } from '../../gateway/parts.ts'
import { writeAtomically } from '../../helpers/files.ts'
import { assertAccessible, closeBrowser, openConsole, picture, signIn } from './browser.ts'
import { ADMIN, PASSWORD, startStage } from './stage.ts'

const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name, exact: true })

/** Whether the browser refuses to send an empty field. */
const isMissing = (input: unknown) => (input as { validity: { valueMissing: boolean } }).validity.valueMissing

describe('the console: instances', function () {
  this.timeout(120_000)
  after(closeBrowser)

  it('adds one, whose certificate is trusted after a look at it, and checks it', async () => {
    const remote = await startGateway({ https: true })
    const stage = await startStage()
    const { page, complaints } = await openConsole(`${stage.url}#/instances`)
    await signIn(page, ADMIN, PASSWORD)
    await page.getByRole('link', { name: 'eu', exact: true }).waitFor()
    await page.getByText('1 instance', { exact: true }).waitFor()
    await assertAccessible(page)

    await button(page, 'Add an instance').click()
    await page.getByLabel('Name', { exact: true }).fill('us')
    // The gateway says what is wrong beside the field.
    await page.getByLabel('Instance URL').fill('idm.example.com')
    await page.getByLabel('User name', { exact: true }).fill('openidm-admin')
    await page.getByLabel('Password', { exact: true }).fill(REMOTE_PASSWORD)
    await button(page, 'Save').click()
    await page.locator('[aria-invalid]').waitFor()
    await assertAccessible(page)
    await picture(page, 'instance-fault')
    await page.getByLabel('Instance URL').fill(`${remote.httpsUrl.replace('127.0.0.1', 'localhost')}/`)
    await button(page, 'Save').click()
    await page.getByRole('heading', { name: 'us', exact: true }).waitFor()

    // The check names the step that fails.
    await button(page, 'Check the way to the remote').click()
    await page.getByText('failed', { exact: true }).waitFor()
    await page.getByText(/^What to do:/).waitFor()
    await picture(page, 'check')
    await button(page, 'Show what the remote presents').click()
    await page.getByText('not trusted', { exact: true }).waitFor()
    await assertAccessible(page)
    await button(page, 'Trust this certificate…').click()
    await page
      .getByRole('dialog')
      .getByText(/^(?:[0-9A-F]{2}:){31}/)
      .waitFor()
    await picture(page, 'trust')
    await button(page, 'Trust it').click()
    await page.getByText('trusted', { exact: true }).waitFor()
    await button(page, 'Check the way to the remote').click()
    await page.getByText('a query on managed/user was answered').waitFor()
    await page.getByText('ready', { exact: true }).waitFor()
    await assertAccessible(page)
    await picture(page, 'instance')
    assert.deepEqual(complaints, [])
    const stored = await readFile(join(stage.project.conf, 'external.idm-us.json'), 'utf8')
    assert.match(stored, /"userName": ?"openidm-admin"/)
  })

  it('changes one: secrets stay unseen, and go to no other address', async () => {
    const stage = await startStage()
    const { page } = await openConsole(`${stage.url}#/instances/eu`)
    await signIn(page, ADMIN, PASSWORD)
    const secret = page.getByLabel('Password', { exact: true })
    await secret.waitFor()
    assert.equal(await secret.inputValue(), '')
    await page.getByText('Connections, TLS, forward proxy').click()
    await page.getByLabel('Connection timeout').fill('3s')
    await button(page, 'Save').click()
    await page.getByText('Saved, and in force.').waitFor()
    const file = async () => JSON.parse(await readFile(join(stage.project.conf, 'external.idm-eu.json'), 'utf8'))
    assert.equal((await file()).connectionTimeout, '3s')
    assert.ok((await file()).password)
    // Another address needs the secret again: the browser does not even send the form.
    await page.getByLabel('Instance URL').fill('http://127.0.0.1:1/openidm/')
    await page.getByText(/^The address is another one/).waitFor()
    await button(page, 'Save').click()
    assert.equal(await secret.evaluate(isMissing), true)
    await secret.fill('another one')
    await button(page, 'Save').click()
    await page.getByText(/^The address is another one/).waitFor({ state: 'detached' })
    assert.equal((await file()).instanceUrl, 'http://127.0.0.1:1/openidm/')
    // And it is removed.
    await button(page, 'Remove this instance…').click()
    await button(page, 'Remove').click()
    await page.getByText('No instance matches.').waitFor()
  })

  it('lists thousands, a page at a time', async () => {
    const instance = {
      enabled: false,
      authType: 'basic',
      instanceUrl: 'http://localhost:1/',
      userName: 'x',
      password: 'y',
    }
    const conf = Object.fromEntries(
      Array.from({ length: 5000 }, (_, n) => [`external.idm-i${String(n).padStart(4, '0')}.json`, instance]),
    )
    const stage = await startStage({ conf })
    await stage.call('/external/idm/eu/managed/user?_queryFilter=true')
    const { page } = await openConsole(`${stage.url}#/instances`)
    await signIn(page, ADMIN, PASSWORD)
    await page.getByText('5,001 instances').waitFor()
    assert.equal(await page.locator('tbody tr').count(), 50)
    // What is on the screen has rate and latency, however many there are.
    const first = page.locator('tbody tr', { has: page.getByRole('link', { name: 'eu', exact: true }) })
    await first.getByText(/^\d+ ms$/).waitFor()
    await button(page, 'Next page').click()
    await page.getByRole('link', { name: 'i0049' }).waitFor()
    await page.getByLabel('Search').fill('i4321')
    await page.getByText('1 instance', { exact: true }).waitFor()
    await page.getByLabel('Search').fill('')
    await page.getByLabel('State', { exact: true }).selectOption('READY')
    await page.getByRole('link', { name: 'eu', exact: true }).waitFor()
    await page.getByText('1 instance', { exact: true }).waitFor()
  })

  it('shows the faults of the configuration until they are mended', async () => {
    const stage = await startStage({ conf: { 'external.idm-bad.json': { authType: 'basic' } } })
    const { page } = await openConsole(`${stage.url}#/faults`)
    await signIn(page, ADMIN, PASSWORD)
    await page.getByText('external.idm-bad.json').first().waitFor()
    await assertAccessible(page)
    await picture(page, 'faults')
    await page.getByRole('link', { name: 'Log' }).click()
    await page
      .getByText(/external\.idm-bad\.json/)
      .first()
      .waitFor()
    await assertAccessible(page)
    await page.getByRole('link', { name: 'Faults' }).click()
    const good = { authType: 'basic', instanceUrl: 'https://localhost:1/', userName: 'x', password: 'y' }
    await writeAtomically(join(stage.project.conf, 'external.idm-bad.json'), good)
    await page.getByText('external.idm-bad.json').first().waitFor({ state: 'detached' })
  })
})
