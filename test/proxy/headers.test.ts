import assert from 'node:assert/strict'
import { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import { localLocation, requestHeaders, responseHeaders } from '../../lib/proxy/headers.ts'
import { Instance, targetOf } from '../../lib/remote/instance/instance.ts'
import { judgeProperties } from '../../lib/remote/properties/properties.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { incoming } from './incoming.ts'

const FORWARDING = { pseudonym: 'me', trustTransactionId: false }
const LOCAL = '/openidm/external/idm/eu/'

function instanceAt(instanceUrl: string): Instance {
  const judgement = judgeProperties({ authType: 'basic', instanceUrl, userName: 'u', password: 'p' })
  if ('faults' in judgement) assert.fail(judgement.faults.join())
  const instance = new Instance('eu', judgement.properties, { trust: { secureContext: () => createSecureContext() } })
  onCleanUp(() => instance.destroy())
  return instance
}

const target = targetOf(new URL('https://idm.example.com:8443/openidm/'))

/** All that a careless or hostile caller may send. */
const CALLER = {
  accept: 'application/json',
  'accept-api-version': 'protocol=2.1,resource=1.1',
  'accept-encoding': 'gzip',
  'accept-language': 'de',
  'content-encoding': 'gzip',
  'content-language': 'de',
  'content-length': '5',
  'content-type': 'application/json',
  'if-match': '"1"',
  'if-modified-since': 'x',
  'if-none-match': '*',
  'if-range': 'x',
  'if-unmodified-since': 'x',
  range: 'bytes=0-1',
}
const DROPPED = {
  authorization: 'Basic x',
  'proxy-authorization': 'Basic x',
  cookie: 'session-jwt=x',
  'x-openidm-username': 'me',
  'x-openidm-password': 'x',
  'x-openidm-reauth-password': 'x',
  'x-openidm-runas': 'admin',
  'x-requested-with': 'XMLHttpRequest',
  'x-http-method-override': 'DELETE',
  'x-forwarded-for': '6.6.6.6',
  'x-forwarded-host': 'evil.example',
  'x-forwarded-proto': 'https',
  'x-forwarded-prefix': '/x',
  'x-real-ip': '6.6.6.6',
  forwarded: 'for=6.6.6.6',
  host: 'evil.example',
  expect: '100-continue',
  'keep-alive': 'timeout=5',
  te: 'trailers',
  trailer: 'x',
  upgrade: 'h2c',
  origin: 'https://evil.example',
  referer: 'https://evil.example/?token=x',
  'user-agent': 'curl',
  'x-forgerock-transactionid': 'stranger',
  'x-anything': 'x',
}

describe('requestHeaders', () => {
  const socket = Object.defineProperty(new Socket(), 'remoteAddress', { value: '10.1.2.3' })
  const { properties } = instanceAt('https://idm.example.com:8443/openidm/')
  const ours = {
    host: 'idm.example.com:8443',
    'user-agent': 'openidm-external-idm',
    via: '1.1 me',
    'x-forwarded-for': '10.1.2.3',
    'x-forwarded-proto': 'http',
  }
  const of = (headers: object, forwarding = FORWARDING, path = 'managed/user') =>
    requestHeaders(
      incoming({ method: 'POST', headers: { ...headers } }, socket),
      path,
      { target, properties },
      forwarding,
    )

  it('are those of the list, and ours', () => {
    assert.deepEqual(of({ ...CALLER, ...DROPPED }), { ...CALLER, ...ours })
  })

  const REAUTHENTICATES: [path: string, passes: boolean][] = [
    ['authentication?_action=reauthenticate', true],
    ['authentication?_prettyPrint=true&_action=reauthenticate', true],
    ['authentication?_action=login', false],
    ['authentication?_action=reauthenticate&_action=login', false],
    ['authentication?_action=login&_Action=reauthenticate', false],
    ['authentication?x=_action=reauthenticate', false],
    ['authentication?_action=reauthenticate?&_action=login', false],
    ['authentication?_action=reauthenticate?', false],
    ['authentication', false],
    ['authentication/?_action=reauthenticate', false],
    ['authentication/x?_action=reauthenticate', false],
    ['managed/user?_action=reauthenticate', false],
    ['endpoint/authentication?_action=reauthenticate', false],
    ['managed/user?x=authentication?_action=reauthenticate', false],
  ]
  for (const [path, passes] of REAUTHENTICATES) {
    it(`${passes ? 'hold' : 'do not hold'} the password for ${path}`, () => {
      const headers = of({ 'x-openidm-reauth-password': 're4uth' }, FORWARDING, path)
      assert.equal(headers['x-openidm-reauth-password'], passes ? 're4uth' : undefined)
    })
  }

  it('hold the password for a POST only', () => {
    const headers = { 'x-openidm-reauth-password': 're4uth' }
    const request = incoming({ method: 'PUT', headers }, socket)
    const passed = requestHeaders(request, 'authentication?_action=reauthenticate', { target, properties }, FORWARDING)
    assert.equal(passed['x-openidm-reauth-password'], undefined)
  })

  it('say which version of the API is meant when the caller does not', () => {
    assert.deepEqual(of({}), { 'accept-api-version': 'resource=1.0', ...ours })
  })

  it('keep chunked framing', () => {
    assert.equal(of({ 'transfer-encoding': 'chunked' })['transfer-encoding'], 'chunked')
  })

  const CONNECTION: [connection: string, dropped: string[]][] = [
    ['keep-alive', []],
    ['close', []],
    ['If-Match, accept', ['if-match', 'accept']],
    ['close, RANGE', ['range']],
    ['content-length, transfer-encoding', []],
    ['via, user-agent, x-forwarded-for', []],
    ['authorization', []],
  ]
  for (const [connection, dropped] of CONNECTION) {
    it(`"Connection: ${connection}" takes away ${dropped.join(' and ') || 'nothing that is sent'}`, () => {
      const expected = Object.fromEntries(Object.entries(CALLER).filter(([name]) => !dropped.includes(name)))
      assert.deepEqual(of({ ...CALLER, connection }), { ...expected, ...ours })
    })
  }

  it('name the version of the API also when the caller had its own taken away', () => {
    assert.equal(of({ ...CALLER, connection: 'accept-api-version' })['accept-api-version'], 'resource=1.0')
  })

  it('continue Via', () => assert.equal(of({ via: '1.0 other' }).via, '1.0 other, 1.1 me'))

  it('hand on a transaction id as one of a part, if the host is answerable for it', () => {
    const headers = { 'x-forgerock-transactionid': 't1' }
    assert.equal(of(headers)['x-forgerock-transactionid'], undefined)
    assert.equal(of(headers, { ...FORWARDING, trustTransactionId: true })['x-forgerock-transactionid'], 't1/0')
  })

  it('say https when the caller came by TLS', () => {
    const headers = requestHeaders(incoming({}, new TLSSocket(new Socket())), '', { target, properties }, FORWARDING)
    assert.equal(headers['x-forwarded-proto'], 'https')
  })
})

describe('responseHeaders', () => {
  const passing = {
    'accept-ranges': 'bytes',
    allow: 'GET',
    'cache-control': 'no-cache',
    'content-api-version': 'protocol=2.1,resource=1.0',
    'content-disposition': 'attachment',
    'content-encoding': 'gzip',
    'content-language': 'de',
    'content-length': '5',
    'content-range': 'bytes 0-1/2',
    'content-type': 'application/json',
    etag: '"1"',
    expires: '0',
    'last-modified': 'x',
    pragma: 'no-cache',
    'retry-after': '5',
    vary: 'Origin',
    warning: '100 CREST "x"',
  }
  const dropped = {
    'set-cookie': ['session-jwt=x'],
    'www-authenticate': 'Basic',
    'proxy-authenticate': 'Basic',
    server: 'Jetty',
    'x-powered-by': 'x',
    via: '1.1 inner',
    'transfer-encoding': 'chunked',
    'keep-alive': 'timeout=5',
    upgrade: 'h2c',
    trailer: 'x',
    'alt-svc': 'h2="inner:443"',
    'strict-transport-security': 'max-age=1',
    'access-control-allow-origin': '*',
    'content-security-policy': 'x',
    link: '<https://inner/>',
    refresh: '0; url=https://inner/',
    'content-location': 'https://inner/',
  }
  const parts = { instance: instanceAt('https://idm/openidm/'), localBase: LOCAL, path: 'x' }
  const of = (headers: object, statusCode = 200) =>
    responseHeaders(incoming({ headers: { ...headers }, statusCode }), {
      ...parts,
      response: new ServerResponse(incoming()),
    })

  it('are those of the list', () => assert.deepEqual(of({ ...passing, ...dropped }), passing))

  for (const status of [204, 304]) {
    it(`have no length with ${status}`, () => {
      const { 'content-length': _, ...rest } = passing
      assert.deepEqual(of({ ...passing, ...dropped }, status), rest)
    })
  }

  it('lose what Connection names, but for the length', () => {
    const { etag: _, ...rest } = passing
    assert.deepEqual(of({ ...passing, connection: 'ETag, Content-Length' }), rest)
  })

  it('have a Location when it can be used', () => {
    assert.deepEqual(of({ location: 'https://idm/openidm/managed/user/u1' }), { location: `${LOCAL}managed/user/u1` })
    assert.deepEqual(of({ location: 'https://idm/console/' }), { location: 'https://idm/console/' })
    assert.deepEqual(of({ location: 'javascript:alert(1)' }), {})
  })

  const VARY: [ofHost: string | string[] | undefined, ofRemote: string, merged: string][] = [
    [undefined, 'Accept-Encoding', 'Accept-Encoding'],
    ['Origin', 'Accept-Encoding', 'Origin, Accept-Encoding'],
    ['Origin, X-Tenant', 'accept-encoding, origin', 'origin, X-Tenant, accept-encoding'],
    [['Origin', 'X-Tenant'], 'Accept', 'Origin, X-Tenant, Accept'],
    ['Origin', '*', '*'],
    ['*', 'Accept', '*'],
  ]
  for (const [ofHost, vary, merged] of VARY) {
    it(`Vary: ${vary} of the remote and ${ofHost} of the host: ${merged}`, () => {
      const response = new ServerResponse(incoming())
      if (ofHost !== undefined) response.setHeader('vary', ofHost)
      assert.deepEqual(responseHeaders(incoming({ headers: { vary } }), { ...parts, response }), { vary: merged })
    })
  }
})

describe('localLocation', () => {
  /** For `POST managed/user?_action=create`, unless the row names another path. */
  const TABLE: [instanceUrl: string, location: string, local: string | undefined, path?: string][] = [
    ['https://idm/openidm/', 'https://idm/openidm/managed/user/u1', `${LOCAL}managed/user/u1`],
    ['https://idm/openidm/', '/openidm/managed/user/u1', `${LOCAL}managed/user/u1`],
    ['https://idm/openidm/', 'u1', `${LOCAL}managed/u1`],
    ['https://idm/openidm/', './u1', `${LOCAL}managed/u1`],
    ['https://idm/openidm/', '../x', `${LOCAL}x`],
    ['https://idm/openidm/', 'u1', `${LOCAL}managed/user/u1`, 'managed/user/'],
    ['https://idm/openidm/', '?page=2', `${LOCAL}managed/user?page=2`],
    ['https://idm/openidm/', '//idm/openidm/u1', `${LOCAL}u1`],
    [
      'https://idm/openidm/',
      'https://idm/openidm/managed/user/a%2Fb%20c?_fields=x',
      `${LOCAL}managed/user/a%2Fb%20c?_fields=x`,
    ],
    ['https://idm/openidm/', 'https://idm/openidm/x#part', `${LOCAL}x`],
    ['https://idm/openidm/', 'https://idm/openidm/', LOCAL],
    ['https://idm/openidm/', 'https://user:pw@idm/openidm/x', `${LOCAL}x`],
    ['https://idm/openidm/', 'http://idm/openidm/x', `${LOCAL}x`],
    ['https://idm/openidm/', 'HTTPS://IDM/openidm/x', `${LOCAL}x`],
    ['https://idm/openidm/', 'https://idm:443/openidm/x', `${LOCAL}x`],
    ['https://idm:8443/r1/openidm/', 'https://idm:8443/r1/openidm/x', `${LOCAL}x`],
    ['https://idm:8443/r1/openidm/', '/r1/openidm/x', `${LOCAL}x`],
    // Another path of the remote's host.
    ['https://idm:8443/r1/openidm/', 'https://idm:8443/r2/openidm/x', 'https://idm:8443/r2/openidm/x'],
    ['https://idm/openidm/', 'https://idm/openidm', 'https://idm/openidm'],
    ['https://idm/openidm/', 'https://idm/openidmx/y', 'https://idm/openidmx/y'],
    ['https://idm/openidm/', 'https://svc:secret@idm/am/?goto=x#c', 'https://idm/am/?goto=x#c'],
    ['https://idm/openidm/', 'https://idm/openidm/../admin', 'https://idm/admin'],
    ['https://idm/openidm/', 'https://idm/openidm/%2e%2e/admin', 'https://idm/admin'],
    ['https://idm/openidm/', '../../../admin', 'https://idm/admin'],
    // A third host: a login page somewhere else.
    ['https://idm/openidm/', 'https://login.example/?goto=x', 'https://login.example/?goto=x'],
    ['https://idm/openidm/', '//login.example/x', 'https://login.example/x'],
    ['https://idm/openidm/', 'https://svc:secret@login.example/x', 'https://login.example/x'],
    ['https://idm/openidm/', 'https://idm:8443/openidm/x', 'https://idm:8443/openidm/x'],
    // No web address.
    ['https://idm/openidm/', 'javascript:alert(1)', undefined],
    ['https://idm/openidm/', 'data:text/html,x', undefined],
    ['https://idm/openidm/', 'http://[', undefined],
    // A path that begins as an address does is no address.
    ['http://idm/openidm/', '/openidm/x', `${LOCAL}x`, 'https:evil.example/x'],
    ['http://idm/openidm/', 'y', `${LOCAL}https:evil.example/y`, 'https:evil.example/x'],
    ['https://idm/openidm/', 'y', `${LOCAL}urn:a:b/y`, 'urn:a:b/x'],
  ]
  for (const [instanceUrl, location, local, path = 'managed/user?_action=create'] of TABLE) {
    it(`${location} at ${instanceUrl} is ${local ?? 'dropped'}`, () => {
      assert.equal(localLocation(location, instanceAt(instanceUrl), LOCAL, path), local)
    })
  }
})
