/**
 * Signs in at an OpenID provider as a public client: authorization code with PKCE (RFC 7636, S256). Tokens stay in memory.
 * Only what has to outlive the way to the provider and back is kept by the browser, for this tab, until it is back.
 */
import { ApiError } from '../api.ts'
import { type Credentials, LoginEnded } from '../session.ts'
import { checkIdToken } from './id-token.ts'

/** As `console/sign-in.json` names it. */
export interface Provider {
  readonly issuer: string
  readonly clientId: string
  readonly scopes: readonly string[]
  readonly authorizationEndpoint?: string
  readonly tokenEndpoint?: string
}

interface Endpoints {
  readonly authorization: string
  readonly token: string
  /** Whether each answer names its issuer: RFC 9207. */
  readonly namesIssuer: boolean
}

/** A sign-in that has begun. */
interface Begun {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  /** The place in the page to come back to. */
  readonly hash: string
}

/** What the provider sent the browser back with. */
export type Returned = { readonly begun: Begun; readonly code: string; readonly issuer: string | null } | Error

const KEPT = 'console sign-in'
const REDIRECT_URI = new URL('./', location.origin + location.pathname).href
/** Tokens are renewed that long before they end, or at nine tenths of a short life. */
const MARGIN_MS = 30_000

const returned = takeReturn()

/** What the provider sent the browser back with when the page was loaded; once. */
export function takeReturned(): Returned | undefined {
  const taken = returned.value
  returned.value = undefined
  return taken
}

/** Takes code and state out of the address, and what was kept out of the browser, before anything else is done. */
function takeReturn(): { value: Returned | undefined } {
  const kept = sessionStorage.getItem(KEPT)
  sessionStorage.removeItem(KEPT)
  const answer = new URLSearchParams(location.search)
  if (!answer.has('state')) return { value: undefined }
  const begun = kept === null ? undefined : (JSON.parse(kept) as Begun)
  const isOurs = begun !== undefined && answer.get('state') === begun.state
  history.replaceState(null, '', location.pathname + (isOurs ? begun.hash : ''))
  if (!isOurs) return { value: new Error('This is not the answer to a sign-in that was begun here. Sign in again.') }
  const code = answer.get('code')
  if (code !== null && !answer.has('error')) return { value: { begun, code, issuer: answer.get('iss') } }
  return { value: refusal(answer.get('error') ?? 'no code', answer.get('error_description')) }
}

function refusal(error: string, description: unknown): Error {
  const more = typeof description === 'string' && description !== '' ? ` (${description})` : ''
  return new Error(`The provider refused: ${error}${more}`)
}

/** Sends the browser to the provider. @throws Error when that is not possible */
export async function begin(provider: Provider): Promise<void> {
  if (!isSecureContext) throw new Error('A sign-in at a provider needs this page by https.')
  const { authorization } = await endpointsOf(provider)
  const begun: Begun = { state: random(), nonce: random(), verifier: random(), hash: location.hash }
  const { clientId, scopes } = provider
  const parameters = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    scope: scopes.join(' '),
    state: begun.state,
    code_challenge: await digest(begun.verifier),
    code_challenge_method: 'S256',
    ...(scopes.includes('openid') && { nonce: begun.nonce }),
    // https://openid.net/specs/openid-connect-core-1_0.html#OfflineAccess
    ...(scopes.includes('offline_access') && { prompt: 'consent' }),
  }
  const url = new URL(authorization)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  sessionStorage.setItem(KEPT, JSON.stringify(begun))
  location.assign(url)
}

/** Exchanges the code. @throws Error when anything of the answer is not as it must be */
export async function finish(
  provider: Provider,
  { begun, code, issuer }: Exclude<Returned, Error>,
): Promise<Credentials> {
  const { token, namesIssuer } = await endpointsOf(provider)
  if (issuer === null ? namesIssuer : issuer !== provider.issuer) throw new Error('The answer is of another provider.')
  const { verifier, nonce } = begun
  const form = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI, code_verifier: verifier }
  const answer = await tokenRequest(provider, token, form)
  const isOpenId = provider.scopes.includes('openid')
  const subject = isOpenId ? checkIdToken(answer.id_token, { ...provider, nonce }) : undefined
  return credentialsOf(provider, token, answer, { subject })
}

interface Login {
  /** Whom the ID tokens are about. */
  readonly subject: string | undefined
  /** The last one: providers may replace it with each answer. */
  readonly refreshToken?: string
}

function credentialsOf(provider: Provider, token: string, answer: Answer, login: Login): Credentials {
  const { access_token: access, token_type: type, expires_in: seconds, refresh_token: refresh } = answer
  if (typeof access !== 'string' || String(type).toLowerCase() !== 'bearer')
    throw new Error('The provider sent no access token of the type Bearer.')
  const life = Number(seconds) * 1000
  const refreshToken = typeof refresh === 'string' ? refresh : login.refreshToken
  return {
    headers: { Authorization: `Bearer ${access}` },
    until: seconds === undefined || !(life > 0) ? undefined : Date.now() + life - Math.min(MARGIN_MS, life / 10),
    renew: refreshToken === undefined ? undefined : () => renew(provider, token, { ...login, refreshToken }),
  }
}

async function renew(provider: Provider, token: string, login: Login & { refreshToken: string }): Promise<Credentials> {
  const form = { grant_type: 'refresh_token', refresh_token: login.refreshToken }
  const answer = await tokenRequest(provider, token, form)
  try {
    if (answer.id_token !== undefined) checkIdToken(answer.id_token, { ...provider, subject: login.subject })
    return credentialsOf(provider, token, answer, login)
  } catch (error) {
    throw new LoginEnded((error as Error).message)
  }
}

type Answer = Readonly<Record<string, unknown>>

/** @throws LoginEnded when the provider refuses; ApiError when it does not answer */
async function tokenRequest(
  { clientId, issuer }: Provider,
  endpoint: string,
  form: Readonly<Record<string, string>>,
): Promise<Answer> {
  const body = new URLSearchParams({ ...form, client_id: clientId })
  const response = await ask(issuer, endpoint, { method: 'POST', body })
  const answer = await contentOf(response)
  if (response.ok) return answer
  if (response.status >= 500 || response.status === 429) throw unavailable(issuer)
  throw new LoginEnded(refusal(String(answer.error ?? response.status), answer.error_description).message)
}

let known: { readonly issuer: string; readonly endpoints: Endpoints } | undefined

async function endpointsOf({ issuer, authorizationEndpoint, tokenEndpoint }: Provider): Promise<Endpoints> {
  if (authorizationEndpoint !== undefined && tokenEndpoint !== undefined)
    return { authorization: authorizationEndpoint, token: tokenEndpoint, namesIssuer: false }
  if (known?.issuer === issuer) return known.endpoints
  const response = await ask(issuer, `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {})
  const metadata = response.ok ? await contentOf(response) : {}
  const { authorization_endpoint: authorization, token_endpoint: token } = metadata
  if (metadata.issuer !== issuer || !isUrl(authorization) || !isUrl(token))
    throw new Error(`${issuer} has no metadata of an OpenID provider with this issuer.`)
  if (new URL(token).origin !== new URL(issuer).origin)
    throw new Error('The token endpoint is at another origin: consoleSignIn must name both endpoints.')
  const namesIssuer = metadata.authorization_response_iss_parameter_supported === true
  known = { issuer, endpoints: { authorization, token, namesIssuer } }
  return known.endpoints
}

const isUrl = (value: unknown): value is string =>
  typeof value === 'string' && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)

async function ask(issuer: string, url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, credentials: 'omit', redirect: 'error', cache: 'no-store' })
  } catch {
    throw unavailable(issuer)
  }
}

const unavailable = (issuer: string): ApiError =>
  new ApiError(0, `${issuer} does not answer, or does not let pages of ${location.origin} ask it (CORS).`)

async function contentOf(response: Response): Promise<Answer> {
  try {
    return { ...((await response.json()) as object) } as Answer
  } catch {
    return {}
  }
}

/** 256 bits. */
const random = (): string => base64url(crypto.getRandomValues(new Uint8Array(32)))

const digest = async (text: string): Promise<string> =>
  base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))))

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
