import { randomBytes, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encrypt, parseKeys } from '../../lib/config/values/crypto/crypto.ts'
import { type Behaviour, guarded, reply } from '../helpers/behaviours.ts'
import { testPki } from '../helpers/pki.ts'
import { type Remote, startRemote } from '../helpers/remote.ts'
import { startTokenServer, type TokenClient, type TokenServer } from '../helpers/token-server.ts'
import { basicOf, bearerOf } from '../proxy/mounted.ts'
import { type ForwardProxy, startForwardProxy } from '../remote/forward-proxy-server.ts'
import { writings } from './start-host.ts'

/** One secret of each kind. Their characters are those that every encoding writes differently. */
export class Canaries {
  readonly password = secret('p')
  readonly clientSecret = secret('s')
  readonly proxyPassword = secret('f')
  readonly valuePassword = secret('v')
  readonly purposePassword = secret('o')
  readonly cryptoPassword = secret('e')
  readonly truststorePassword = secret('t')
  readonly keystorePassword = secret('k')
  readonly key = randomBytes(32).toString('base64')
  readonly callerPassword = secret('c')
  readonly callerCookie = `cookie-${randomUUID()}`
  readonly remoteCookie = `remote-cookie-${randomUUID()}`
  readonly queryValue = `query-${randomUUID()}`
  /** Access tokens, as they become known. */
  readonly tokens = new Set<string>()

  /** The kinds that stand in `text`, in whatever writing. */
  foundIn(text: string): string[] {
    return this.#all().flatMap(([kind, values]) => (values.some((value) => text.includes(value)) ? kind : []))
  }

  #all(): [kind: string, writings: string[]][] {
    return [
      ['password of the instance', writings(this.password, 'svc')],
      ['client secret', writings(this.clientSecret, 'client-basic', 'client-post')],
      ['password of the forward proxy', writings(this.proxyPassword, 'proxy-user', 'proxy-stranger')],
      ['password by an expression', writings(this.valuePassword, 'svc')],
      ['password by a purpose', writings(this.purposePassword, 'svc')],
      ['encrypted password', writings(this.cryptoPassword, 'svc')],
      ['password of the trust store', writings(this.truststorePassword)],
      ['password of a client certificate', writings(this.keystorePassword)],
      ['key', [this.key, Buffer.from(this.key, 'base64').toString('hex')]],
      ['password of the caller', writings(this.callerPassword, 'openidm-admin')],
      ['cookie of the caller', writings(this.callerCookie)],
      ['cookie of the remote', writings(this.remoteCookie)],
      ['value in the query', writings(this.queryValue)],
      ['access token', [...this.tokens]],
    ]
  }
}

/** Short, because messages are. */
const secret = (kind: string): string => `${kind}:+/@% "${randomUUID().slice(0, 13)}"`

/** The servers of a scenario: under addresses that any host can resolve. */
export interface Scenery {
  readonly canaries: Canaries
  readonly remote: Remote
  readonly expired: Remote
  readonly tokens: TokenServer
  readonly proxy: ForwardProxy
}

export async function startScenery(): Promise<Scenery> {
  const canaries = new Canaries()
  const pki = await testPki()
  const client = (method: NonNullable<TokenClient['method']>, id: string) => ({
    id,
    secret: canaries.clientSecret,
    method,
  })
  const tokens = await startTokenServer({
    clients: [client('client_secret_basic', 'client-basic'), client('client_secret_post', 'client-post')],
    hostName: '127.0.0.1',
  })
  const remote = await startRemote({ tls: await pki.server() })
  const expired = await startRemote({ tls: await pki.expired() })
  const proxy = await startForwardProxy()
  proxy.authorization = `Basic ${Buffer.from(`proxy-user:${canaries.proxyPassword}`).toString('base64')}`
  return { canaries, remote, expired, tokens, proxy }
}

/** The files of the instances, good and bad, by name. */
export function instancesOf({ canaries, remote, expired, tokens, proxy: forward }: Scenery): Record<string, unknown> {
  const basic = basicOf(remote, { password: canaries.password, socketTimeout: '200 ms' })
  const bearer = (method: NonNullable<TokenClient['method']>, id: string, more: object = {}) =>
    bearerOf(remote, tokens, { socketTimeout: '200 ms', ...more }, { id, secret: canaries.clientSecret, method })
  const password = encodeURIComponent(canaries.password)
  const proxyPassword = encodeURIComponent(canaries.proxyPassword)
  const { encrypted, altered } = envelopes(canaries)
  const proxy = { proxyUri: forward.uri, userName: 'proxy-user', password: canaries.proxyPassword }
  return {
    basic,
    'bearer-basic': bearer('client_secret_basic', 'client-basic'),
    'bearer-post': bearer('client_secret_post', 'client-post'),
    'bearer-wrong': bearer('client_secret_post', 'client-basic'),
    'bearer-gone': bearer('client_secret_post', 'client-post', { tokenEndpoint: 'https://127.0.0.1:9/token' }),
    expired: { ...basic, instanceUrl: expired.url },
    gone: { ...basic, instanceUrl: 'https://127.0.0.1:9/openidm/' },
    proxied: { ...basic, proxy },
    'by-value': { ...basic, password: '&{canary.value}' },
    'by-purpose': { ...basic, password: { $purpose: { name: 'canary.purpose', jsonPointer: '/password' } } },
    encrypted: { ...basic, password: encrypted },
    'proxy-by-value': { ...basic, proxy: { ...proxy, password: '&{canary.proxy}' } },
    'value-in-clear': { ...basic, password: `&{nowhere}${canaries.valuePassword}` },
    'value-of-wrong-type': { ...basic, maxConnections: { $int: '&{canary.value}' } },
    'value-as-token': { ...basic, password: '&{&{canary.value}}' },
    'purpose-without-member': { ...basic, password: { $purpose: { name: 'canary.purpose', jsonPointer: '/x' } } },
    'purpose-without-json': { ...basic, password: { $purpose: { name: 'canary.text', jsonPointer: '/x' } } },
    altered: { ...basic, password: altered },
    'client-certificate': {
      ...basic,
      clientCertificate: { file: 'security/truststore', password: canaries.keystorePassword },
    },
    'proxy-gone': { ...basic, proxy: { ...proxy, proxyUri: 'http://127.0.0.1:9' } },
    'proxy-refusing': { ...basic, proxy: { ...proxy, userName: 'proxy-stranger' } },
    disabled: { ...basic, enabled: false },
    'proxy-address': { ...basic, proxy: `http://proxy-user:${proxyPassword}@127.0.0.1:9` },
    'proxy-text': { ...basic, proxy: canaries.proxyPassword },
    'proxy-credentials': { ...basic, proxy: { proxyUri: `http://proxy-user:${proxyPassword}@127.0.0.1:9` } },
    misspelt: { ...basic, password: undefined, passwrd: canaries.password },
    unknown: { ...basic, clientSecret: canaries.clientSecret, [`${'x'.repeat(10)}`]: canaries.password },
    colon: { ...basic, userName: `svc:${canaries.password}` },
    address: { ...basic, instanceUrl: `https://svc:${password}@127.0.0.1:9/` },
    list: { ...basic, password: [canaries.password] },
    torn: JSON.stringify(basic).slice(0, -1),
    '_bad-name': basic,
  }
}

function envelopes({ cryptoPassword, key }: Canaries) {
  const encrypted = encrypt(cryptoPassword, parseKeys(`k1:${key}`, 'a test'))
  const altered = structuredClone(encrypted) as { $crypto: { value: { tag: string } } }
  altered.$crypto.value.tag = Buffer.alloc(16).toString('base64')
  return { encrypted, altered }
}

/** What the instances refer to; the trust store does not open with the password that is configured. */
export async function filesOf({ canaries }: Scenery): Promise<Record<string, unknown>> {
  const store = {
    name: 'canary',
    class: 'FileSystemStore',
    config: { directory: 'secrets', mappings: [{ secretId: 'canary.purpose' }, { secretId: 'canary.text' }] },
  }
  return {
    'conf/secrets.json': { stores: [store] },
    'conf/system.properties': `openidm.truststore.password=${canaries.truststorePassword}\n`,
    'resolver/canary.json': { canary: { value: canaries.valuePassword, proxy: canaries.proxyPassword } },
    'secrets/canary.purpose': { password: canaries.purposePassword },
    'secrets/canary.text': canaries.purposePassword,
    'security/crypto.keys': `k1:${canaries.key}\n`,
    'security/truststore': await readFile(join(import.meta.dirname, '../fixtures/keystores/keytool.jks')),
  }
}

/** Answers those who have the right credentials, with a cookie as an IDM sets it; and notes the tokens it sees. */
export const honest = ({ canaries, tokens }: Scenery): Behaviour =>
  guarded(
    (authorization) => {
      const token = /^Bearer (.*)$/.exec(authorization ?? '')?.[1]
      if (token !== undefined) canaries.tokens.add(token)
      const { password, valuePassword, purposePassword, cryptoPassword } = canaries
      const passwords = [password, valuePassword, purposePassword, cryptoPassword]
      const basic = passwords.map((text) => `Basic ${Buffer.from(`svc:${text}`).toString('base64')}`)
      return basic.some((one) => one === authorization) || tokens.accepts(authorization)
    },
    reply({ headers: { 'set-cookie': `session-jwt=${canaries.remoteCookie}` }, body: { result: [] } }),
  )

/** What a caller sends with each request: all of it is for the gateway alone. */
export const callerHeaders = ({ callerPassword, callerCookie }: Canaries) => ({
  authorization: `Basic ${Buffer.from(`openidm-admin:${callerPassword}`).toString('base64')}`,
  'x-openidm-username': 'openidm-admin',
  'x-openidm-password': callerPassword,
  cookie: `session-jwt=${callerCookie}`,
  'x-requested-with': 'XMLHttpRequest',
})
