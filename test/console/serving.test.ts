import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import express from 'express'
import { consoleRouter } from '../../lib/console/router.ts'
import { ownPlugins } from '../../lib/gateway/project/package-info.ts'
import { ANONYMOUS, startGateway } from '../gateway/parts.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDir } from '../helpers/files.ts'
import { request } from '../helpers/http.ts'
import { rawExchange } from '../helpers/raw.ts'
import { until } from '../helpers/until.ts'
import { buildConsole } from './build.ts'

const NOBODY = { headers: {} }
const MAX_FIRST_LOAD = 100_000

describe('the console', () => {
  before(buildConsole)

  it('is a page for everybody, with a strict policy and nothing inline', async () => {
    const { call } = await startGateway({ plugins: ownPlugins })
    const page = await call('/console/', NOBODY)
    assert.equal(page.status, 200)
    assert.match(String(page.headers['content-type']), /^text\/html/)
    const policy = String(page.headers['content-security-policy'])
    assert.match(policy, /default-src 'none'.*script-src 'self'.*style-src 'self'.*frame-ancestors 'none'/)
    assert.doesNotMatch(policy, /unsafe|\*|https?:/)
    assert.doesNotMatch(page.text, /<script(?![^>]* src=)|<style|\son\w+=|\sstyle=/)
  })

  it('works behind any path: all its addresses are relative', async () => {
    const { call } = await startGateway({ plugins: ownPlugins })
    const bare = await call('/console', NOBODY)
    assert.deepEqual([bare.status, bare.headers.location], [308, 'console/'])
    const { text } = await call('/console/', NOBODY)
    const addresses = [...text.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address = '']) => address)
    assert.deepEqual(addresses, ['icon.svg', 'style.css', 'main.js'])
    for (const address of addresses) assert.equal((await call(`/console/${address}`, NOBODY)).status, 200)
  })

  it(`loads less than ${MAX_FIRST_LOAD / 1000} kB, compressed, and nothing of others`, async () => {
    const { call } = await startGateway({ plugins: ownPlugins })
    let total = 0
    for (const name of ['', 'icon.svg', 'style.css', 'main.js']) {
      const { headers, body } = await call(`/console/${name}`, { headers: { 'accept-encoding': 'gzip' } })
      assert.equal(headers['content-encoding'], 'gzip')
      total += body.length
      const others =
        gunzipSync(body)
          .toString()
          .match(/(?:https?:)?\/\/[\w.-]+\.\w+/g) ?? []
      assert.deepEqual(
        [...new Set(others)].filter((address) => address !== 'http://www.w3.org'),
        [],
      )
    }
    console.log(`      ${total} bytes`)
    assert.ok(total < MAX_FIRST_LOAD, `${total}`)
  })

  it('is not sent again when it has not changed', async () => {
    const { call } = await startGateway({ plugins: ownPlugins })
    const { headers } = await call('/console/main.js', NOBODY)
    const again = await call('/console/main.js', { headers: { 'if-none-match': String(headers.etag) } })
    assert.deepEqual([again.status, again.text], [304, ''])
  })

  it('is turned off and on by a setting', async () => {
    const { call } = await startGateway({ plugins: ownPlugins, conf: { 'gateway.json': { console: false } } })
    assert.equal((await call('/console/', NOBODY)).status, 404)
    await call('/config/gateway', { method: 'PUT', json: { console: true } })
    await until(async () => (await call('/console/', NOBODY)).status === 200)
  })

  it('names the provider at which people sign in, and sends requests to its endpoint alone', async () => {
    const provider = { issuer: 'https://am.example.com/am/oauth2', clientId: 'console' }
    const endpoints = {
      authorizationEndpoint: 'https://login.example.com/authorize?realm=/alpha',
      tokenEndpoint: 'https://am.example.com/am/token;a,b?realm=/alpha',
    }
    const { call } = await startGateway({
      plugins: ownPlugins,
      conf: { 'gateway.json': { consoleSignIn: { ...provider, ...endpoints, scopes: ['openid', 'fr:idm:*'] } } },
    })
    const told = async () => (await call('/console/sign-in.json', NOBODY)).json
    const connect = async () => {
      const { headers } = await call('/console/', NOBODY)
      return {
        etag: headers.etag,
        sources: /connect-src ([^;]*);/.exec(String(headers['content-security-policy']))?.[1],
      }
    }
    assert.deepEqual(await told(), { provider: { ...provider, ...endpoints, scopes: ['openid', 'fr:idm:*'] } })
    const first = await connect()
    assert.equal(first.sources, "'self' https://am.example.com/am/token%3Ba%2Cb")
    // Without endpoints, those that the metadata at the issuer may name.
    const put = (json: unknown) => call('/config/gateway', { method: 'PUT', json })
    await put({ consoleSignIn: provider })
    await until(async () => (await connect()).sources === "'self' https://am.example.com")
    assert.deepEqual(await told(), { provider: { ...provider, scopes: ['openid'] } })
    // A browser that has the page gets its other policy, too.
    assert.notEqual((await connect()).etag, first.etag)
    await put({})
    await until(async () => (await connect()).sources === "'self'")
    assert.deepEqual(await told(), { provider: null })
  })

  it('takes no provider by http, with a secret, or with one endpoint', async () => {
    const { call } = await startGateway({ plugins: ownPlugins })
    const good = { issuer: 'https://am.example.com', clientId: 'console' }
    const refused: readonly (readonly [object, RegExp])[] = [
      [{ ...good, issuer: 'http://am.example.com' }, /only for localhost/],
      [{ ...good, issuer: 'https://a:b@am.example.com' }, /without credentials|issuer|URL/],
      [{ ...good, issuer: 'javascript:1' }, /must be the https/],
      [{ ...good, clientSecret: 'x' }, /clientSecret/],
      [{ ...good, tokenEndpoint: 'https://am.example.com/token' }, /both/],
      [{ ...good, scopes: ['openid profile'] }, /must be a scope/],
      [{ issuer: good.issuer }, /public client/],
    ]
    for (const [consoleSignIn, reason] of refused) {
      const { status, text } = await call('/config/gateway', { method: 'PUT', json: { consoleSignIn } })
      assert.equal(status, 400, text)
      assert.match(text, reason)
    }
  })

  it('opens nothing else without a login', async () => {
    const { call, port } = await startGateway({ plugins: ownPlugins })
    for (const path of [
      '/config',
      '/consoles',
      '/console/../config',
      '/console%2f',
      '/console/%2e%2e/config',
      '/console;x/',
    ])
      assert.equal((await call(path, NOBODY)).status >= 400, true, path)
    assert.equal((await call('/console/', { ...NOBODY, method: 'POST' })).status, 401)
    const overridden = await call('/console/', { headers: { 'x-http-method-override': 'DELETE' }, method: 'POST' })
    assert.equal(overridden.status, 401)
    for (const path of ['console/../config', 'console/%2e%2e/config', 'console/..;/config']) {
      const raw = `GET /openidm/${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`
      assert.doesNotMatch(String((await rawExchange(port, raw)).bytes), /^HTTP\/1.1 2/)
    }
    assert.equal((await call('/console/none.js', NOBODY)).status, 404)
    assert.equal((await call('/console/', { headers: ANONYMOUS })).status, 200)
  })

  it('says what to run when it is not built', async () => {
    const { status, text } = await served(consoleRouter({ built: await tempDir() }), '/openidm/console/')
    assert.equal(status, 503)
    assert.match(text, /npm run build:console/)
  })

  it('is a router for applications', async () => {
    const page = await served(consoleRouter(), '/openidm/console/')
    assert.equal(page.status, 200)
    assert.equal((await served(consoleRouter(), '/openidm/other')).status, 404)
  })
})

async function served(router: express.Handler, path: string) {
  const server = createServer(express().use('/openidm', router))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onCleanUp(() => void server.close())
  return request(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`)
}
