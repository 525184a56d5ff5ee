import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { writeAtomically } from '../../helpers/files.ts'
import { until } from '../../helpers/until.ts'
import { assertAccessible, closeBrowser, openConsole, picture } from './browser.ts'
import {
  CLIENT_ID,
  type IdentityProvider,
  type IdentityProviderOptions,
  startIdentityProvider,
} from './identity-provider.ts'
import { behindPrefix } from './prefix.ts'
import { type Stage, startStage } from './stage.ts'

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })
const areas = (page: Page) => page.getByRole('navigation', { name: 'Areas' })

interface Parts {
  readonly stage: Stage
  readonly provider: IdentityProvider
  /** Of the console. */
  readonly url: string
  readonly page: Page
  readonly complaints: readonly string[]
}

/** A gateway that takes tokens of a provider alone, and its console. @param more of `consoleSignIn` */
async function startParts(
  options: Partial<IdentityProviderOptions> & { readonly prefix?: boolean; readonly hash?: string } = {},
  more: (issuer: string) => object = () => ({}),
): Promise<Parts> {
  const stage = await startStage()
  const url = options.prefix ? `${await behindPrefix(stage)}/some/where/openidm/console/` : stage.url
  const provider = await startIdentityProvider({ redirectUris: [url], ...options })
  const { issuer, rsFilter } = provider
  const signIn = { issuer, clientId: CLIENT_ID, scopes: ['openid', 'fr:idm:*'], ...more(issuer) }
  const authentication = { rsFilter, serverAuthContext: { authModules: [] } }
  await writeAtomically(join(stage.project.conf, 'authentication.json'), authentication)
  await writeAtomically(join(stage.project.conf, 'gateway.json'), { consoleSignIn: signIn })
  await until(async () => !(await stage.call('/console/sign-in.json')).text.includes('"provider":null'))
  const opened = await openConsole(`${url}${options.hash ?? ''}`, {}, [issuer])
  return { stage, provider, url, ...opened }
}

async function signInAt(page: Page, name = 'bjensen'): Promise<void> {
  await button(page, 'Sign in').click()
  await page.getByLabel('Your name').fill(name)
  await button(page, 'Continue').click()
}

/** What the browser keeps for the console. */
const kept = (page: Page) =>
  page.evaluate<unknown>('[localStorage.length, sessionStorage.length, document.cookie, location.search]')
const NOTHING = [0, 0, '', '']

describe('the console: sign-in at a provider', function () {
  this.timeout(120_000)
  after(closeBrowser)

  it('is by authorization code and PKCE, and comes back to the place asked for, below a path prefix', async () => {
    const { page, provider, url, complaints } = await startParts({ prefix: true, hash: '#/instances' })
    await page.getByRole('radio', { name: /^an account of localhost:\d+$/ }).waitFor()
    await assertAccessible(page)
    await picture(page, 'sign-in-provider')
    await signInAt(page)
    await page.getByText('Signed in as bjensen').waitFor()
    await page.getByRole('link', { name: 'eu', exact: true }).waitFor()
    assert.equal(page.url(), `${url}#/instances`)
    assert.deepEqual(await kept(page), NOTHING)
    const asked = provider.requests.find(({ pathname }) => pathname === '/auth')?.searchParams
    assert.equal(asked?.get('redirect_uri'), url)
    assert.equal(asked?.get('code_challenge_method'), 'S256')
    for (const name of ['state', 'nonce', 'code_challenge']) assert.equal(asked?.get(name)?.length, 43, name)
    const [form] = provider.tokenRequests
    assert.equal(form?.get('code_verifier')?.length, 43)
    assert.equal(form?.has('client_secret'), false)
    assert.deepEqual(complaints, [])
    // A reload signs in again; the provider knows the person still.
    await page.reload()
    await button(page, 'Sign in').click()
    await page.getByText('Signed in as bjensen').waitFor()
  })

  it('says why the provider, or the gateway, refuses', async () => {
    const { page } = await startParts()
    await button(page, 'Sign in').click()
    await button(page, 'Abort').click()
    await page.getByText('The provider refused: access_denied (the person said no)').waitFor()
    assert.deepEqual(await kept(page), NOTHING)
    await signInAt(page, 'nobody')
    await page.getByText(/no user mapping fits the subject/).waitFor()
  })

  it('takes no answer that it did not ask for', async () => {
    const { page, url, provider } = await startParts()
    await page.goto(`${url}?code=stolen&state=forged`)
    await page.getByText(/^This is not the answer to a sign-in that was begun here/).waitFor()
    assert.deepEqual([provider.tokenRequests.length, await kept(page)], [0, NOTHING])
    // One that was begun in this tab is answered with another state.
    await button(page, 'Sign in').click()
    await page.getByLabel('Your name').waitFor()
    await page.goto(`${url}?code=stolen&state=forged&iss=${provider.issuer}`)
    await page.getByText(/^This is not the answer to a sign-in that was begun here/).waitFor()
    assert.deepEqual([provider.tokenRequests.length, await kept(page)], [0, NOTHING])
  })

  it('takes no ID token of another sign-in, client, provider or time', async () => {
    const { page, provider } = await startParts()
    await signInAt(page)
    await page.getByText('Signed in as bjensen').waitFor()
    const wrong = {
      'is not of this sign-in': { nonce: 'another' },
      'is for another client': { aud: ['another'] },
      'was issued to another client': { azp: 'another' },
      'is of another provider': { iss: 'https://evil.example.com' },
      'has expired': { exp: 1 },
    }
    for (const [reason, claims] of Object.entries(wrong)) {
      provider.rewrite = (answer) => ({ ...answer, id_token: changed(answer.id_token, claims) })
      await page.reload()
      await button(page, 'Sign in').click()
      await page.getByText(`The ID token ${reason}.`).waitFor()
    }
    provider.rewrite = ({ id_token: _, ...answer }) => answer
    await page.reload()
    await button(page, 'Sign in').click()
    await page.getByText('The provider sent no ID token that can be read.').waitFor()
    assert.equal(await areas(page).count(), 0)
  })

  it('renews tokens that are about to end, and signs out when the provider renews no more', async () => {
    const { page, provider, complaints } = await startParts({ lifetime: 3 }, (issuer) => ({
      authorizationEndpoint: `${issuer}/auth`,
      tokenEndpoint: `${issuer}/token`,
      scopes: ['openid', 'offline_access', 'fr:idm:*'],
    }))
    await signInAt(page)
    await page.getByText('Signed in as bjensen').waitFor()
    await page.getByRole('link', { name: 'Faults' }).click()
    const refreshed = () => provider.tokenRequests.filter((form) => form.get('grant_type') === 'refresh_token')
    await until(() => refreshed().length >= 2)
    // Each is used once: the provider replaces it.
    const used = refreshed().map((form) => form.get('refresh_token'))
    assert.equal(new Set(used).size, used.length)
    assert.deepEqual(await kept(page), NOTHING)
    // While the provider is away the page waits.
    provider.interfere = () => ({ status: 503, body: {} })
    const away = page.getByText(`${provider.issuer} does not answer`)
    await away.waitFor()
    provider.interfere = undefined
    await away.waitFor({ state: 'detached' })
    assert.equal(await areas(page).count(), 1)
    assert.deepEqual(complaints, [])
    provider.interfere = () => ({ status: 400, body: { error: 'invalid_grant' } })
    await page.getByText('Your login has ended. Sign in again.').waitFor()
    provider.interfere = undefined
    await button(page, 'Sign in').click()
    await page.getByText('Signed in as bjensen').waitFor()
    assert.match(page.url(), /#\/faults$/)
  })

  it('signs in again where there are no refresh tokens', async () => {
    const { page } = await startParts({ lifetime: 3, refreshes: false })
    await signInAt(page)
    await page.getByText('Signed in as bjensen').waitFor()
    await page.getByRole('link', { name: 'Log' }).click()
    await page.getByText('Your login has ended. Sign in again.').waitFor()
    await button(page, 'Sign in').click()
    await page.getByText('Signed in as bjensen').waitFor()
  })
})

/** A token with other claims. Its signature is wrong, which TLS would vouch for. */
function changed(token: unknown, claims: object): string {
  const [head, payload = '', signature] = String(token).split('.')
  const before = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object
  return [head, Buffer.from(JSON.stringify({ ...before, ...claims })).toString('base64url'), signature].join('.')
}
