import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { writeAtomically } from '../../helpers/files.ts'
import { until } from '../../helpers/until.ts'
import { assertAccessible, closeBrowser, openConsole, signIn } from './browser.ts'
import { type Stage, startStage } from './stage.ts'

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })
const areas = (page: Page) => page.getByRole('navigation', { name: 'Areas' }).getByRole('link').allInnerTexts()

const ADMINISTRATOR = { pattern: '*', roles: 'internal/role/openidm-admin', methods: '*', actions: '*' }
const OPEN = { pattern: 'info/*', roles: '*', methods: 'read' }
const READER = 'internal/role/reader'
const READS = ['config', 'config/*', 'recon', 'recon/*', 'external/idm', 'gateway/*'].map((pattern) => ({
  ...{ pattern, roles: READER },
  methods: 'read,query',
}))

/** A stage with the account `reader`, whose role has these rules. */
async function withReader(rules: readonly object[]): Promise<Stage> {
  const properties = {
    ...{ queryOnResource: 'internal/user', username: 'reader', password: 'a reader' },
    defaultUserRoles: [READER],
  }
  const authentication = {
    serverAuthContext: { authModules: [{ name: 'STATIC_USER', enabled: true, properties }] },
  }
  const access = { configs: [ADMINISTRATOR, OPEN, ...rules] }
  return startStage({ conf: { 'authentication.json': authentication, 'access.json': access } })
}

const grant = ({ project }: Stage, rules: readonly object[]) =>
  writeAtomically(join(project.conf, 'access.json'), { configs: [ADMINISTRATOR, OPEN, ...rules] })

/** Waits until a button is offered, or until it says that it is not. */
const offered = (page: Page, name: string, isOffered: boolean) =>
  until(async () => (await button(page, name).isEnabled()) === isOffered, `${name}: ${isOffered}`)

describe('the console and the rights of an account', function () {
  this.timeout(120_000)
  after(closeBrowser)

  it('offers nothing that one that may only read may not do, and follows as rights and account go', async () => {
    const stage = await withReader(READS)
    const { page, complaints } = await openConsole(stage.url)
    await signIn(page, 'reader', 'a reader')
    await page.getByRole('link', { name: 'people' }).click()
    await until(async () => !(await areas(page)).includes('Queue'))
    assert.deepEqual(await areas(page), ['Synchronization', 'Instances', 'Faults', 'Log', 'REST reference'])
    const reason = 'Your account may not do this: the access rules of the gateway decide.'
    for (const name of ['Dry run', 'Compare both sides']) {
      await page.locator(`button[aria-disabled][title="${reason}"]`, { hasText: name }).waitFor()
      await button(page, name).click({ force: true })
    }
    await assertAccessible(page)
    await page.getByText('This mapping has not run yet.').waitFor()
    await page.getByRole('link', { name: 'Instances' }).click()
    await offered(page, 'Add an instance', false)
    await page.getByRole('link', { name: 'eu', exact: true }).click()
    for (const name of ['Check the way to the remote', 'Show what the remote presents', 'Save'])
      await offered(page, name, false)
    await offered(page, 'Remove this instance…', false)
    assert.deepEqual(complaints, [])
    // Its rights are taken away while it is signed in.
    await grant(stage, [])
    await until(async () => (await areas(page)).join() === 'REST reference')
    await page.getByText(/^Your account may not use query on external/).waitFor()
    // And its account.
    await writeAtomically(join(stage.project.conf, 'authentication.json'), { serverAuthContext: { authModules: [] } })
    await page.getByText(/^You have been signed out/).waitFor()
  })

  it('offers single actions, and more once they are granted', async () => {
    const plans = { pattern: 'recon', roles: READER, methods: 'action', actions: 'recon' }
    const stage = await withReader([...READS, plans])
    const { page, complaints } = await openConsole(stage.url)
    await signIn(page, 'reader', 'a reader')
    await page.getByRole('link', { name: 'people' }).click()
    await offered(page, 'Compare both sides', false)
    await button(page, 'Dry run').click()
    await page.getByText('waits for approval', { exact: true }).waitFor()
    for (const name of ['Approve', 'Delete…']) await offered(page, name, false)
    await grant(stage, [...READS, plans, { pattern: 'recon/*', roles: READER, methods: 'action', actions: 'approve' }])
    await offered(page, 'Approve', true)
    await offered(page, 'Delete…', false)
    await button(page, 'Approve').click()
    await page.getByText('approved', { exact: true }).waitFor()
    await offered(page, 'Carry out…', false)
    // An area appears when it may be read; of its parts, those that may be.
    assert.ok(!(await areas(page)).includes('Nodes'))
    await grant(stage, [...READS, { pattern: 'cluster', roles: READER, methods: 'query' }])
    await page.getByRole('link', { name: 'Nodes' }).click()
    await page.getByText('node1', { exact: true }).waitFor()
    await page.getByText('No run is active.').waitFor()
    assert.equal(await page.getByText(/^Your account may not/).count(), 0)
    assert.equal(await page.getByText('The gateway is ready').count(), 0)
    assert.deepEqual(complaints, [])
  })
})
