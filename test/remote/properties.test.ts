import assert from 'node:assert/strict'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { UNLIMITED } from '../../lib/core/time/duration.ts'
import { type InstanceProperties, judgeProperties } from '../../lib/remote/properties/properties.ts'

const CANARY = 'canary-of-a-secret'
const BASIC = { authType: 'basic', instanceUrl: 'https://eu.example.net/openidm/', userName: 'svc', password: CANARY }
const BEARER = {
  authType: 'bearer',
  instanceUrl: 'https://eu.example.net/openidm/',
  clientId: 'proxy-client',
  clientSecret: CANARY,
  tokenEndpoint: 'https://am.example.net/am/oauth2/access_token',
}

function good(content: JsonObject): InstanceProperties & JsonObject {
  const judgement = judgeProperties(content)
  if ('faults' in judgement) assert.fail(judgement.faults.join('\n'))
  return judgement.properties as InstanceProperties & JsonObject
}

function faults(content: JsonObject): string[] {
  const judgement = judgeProperties(content)
  return 'faults' in judgement ? judgement.faults : []
}

function notices(content: JsonObject): string[] {
  const judgement = judgeProperties(content)
  return 'notices' in judgement ? judgement.notices : assert.fail(judgement.faults.join('\n'))
}

const DURATION =
  'must be a number of seconds, or text such as "10s", "500 ms", "1 minute 30 seconds", "unlimited", "zero"'
const FLAG = 'must be true or false'
const WHOLE = 'must be a whole number from 1 to 10000'
const URL_RULE = 'must be the http:// or https:// URL of the remote, such as "https://idm.example.com/openidm/"'
const TOKEN_RULE = 'must be the http:// or https:// URL of the token endpoint (required with authType "bearer")'
const ASCII = 'must be printable ASCII (RFC 6749, appendix A)'
const SCOPE = 'must be an array of strings or a string'

describe('the properties of an instance', () => {
  describe('defaults', () => {
    const common = {
      enabled: true,
      instanceUrl: 'https://eu.example.net/openidm/',
      connectionTimeout: 10_000,
      socketTimeout: 60_000,
      reuseConnections: true,
      connectionTimeToLive: 300_000,
      retryRequests: true,
      propagateTrace: false,
      maxConnections: 64,
      maxQueuedRequests: 1000,
      hostnameVerifier: 'STRICT',
      dangerouslySkipTlsVerify: false,
    }

    it('of basic', () => {
      const { password, ...rest } = good(BASIC) as { password: { reveal(): string } } & JsonObject
      assert.deepEqual(rest, { ...common, authType: 'basic', userName: 'svc' })
      assert.equal(password.reveal(), CANARY)
    })

    it('of bearer', () => {
      const { clientSecret, ...rest } = good(BEARER) as { clientSecret: { reveal(): string } } & JsonObject
      const { clientId, tokenEndpoint } = BEARER
      assert.deepEqual(rest, {
        ...common,
        authType: 'bearer',
        clientId,
        tokenEndpoint,
        tokenEndpointAuthMethod: 'client_secret_basic',
        tokenEndpointCredentialsEncoding: 'strict',
        scope: [],
        scopeDelimiter: ' ',
      })
      assert.equal(clientSecret.reveal(), CANARY)
    })
  })

  it('understands both spellings of authType; the one of the examples wins', () => {
    const { authType: _, ...rest } = BASIC
    assert.equal(good({ ...rest, authtype: 'basic' }).authType, 'basic')
    assert.equal(good({ ...BASIC, authtype: 'bearer' }).authType, 'basic')
  })

  describe('values', () => {
    const TABLE: [property: string, written: Json, read: unknown][] = [
      ['enabled', false, false],
      ['instanceUrl', ' https://eu.example.net/openidm/ \n', 'https://eu.example.net/openidm/'],
      ['instanceUrl', 'https://eu.example.net/openidm\r\n', 'https://eu.example.net/openidm/'],
      ['reuseConnections', false, false],
      ['retryRequests', false, false],
      ['dangerouslySkipTlsVerify', true, true],
      ['hostnameVerifier', 'ALLOW_ALL', 'ALLOW_ALL'],
      ['tlsVersion', 'TLSv1.3', 'TLSv1.3'],
      ['maxConnections', 1, 1],
      ['maxConnections', 10_000, 10_000],
      ['maxQueuedRequests', 1, 1],
      ['connectionTimeout', 3, 3000],
      ['connectionTimeout', '500 ms', 500],
      ['connectionTimeout', 'zero', 0],
      ['probe', '1 minute', 60_000],
      ['socketTimeout', '1 minute 30 seconds', 90_000],
      ['socketTimeout', 'unlimited', UNLIMITED],
      ['instanceUrl', 'https://eu.example.net/openidm', 'https://eu.example.net/openidm/'],
      ['instanceUrl', 'https://eu.example.net', 'https://eu.example.net/'],
      ['instanceUrl', 'http://[::1]:8080/openidm/', 'http://[::1]:8080/openidm/'],
      ['scope', [], []],
      ['scope', '', []],
      ['scope', '  ', []],
      ['scope', [''], []],
      ['scope', 'fr:idm:*', ['fr:idm:*']],
      ['scope', 'fr:idm:* fr:am:*', ['fr:idm:*', 'fr:am:*']],
      ['scope', ['fr:idm:*', 'fr:am:*'], ['fr:idm:*', 'fr:am:*']],
      ['scopeDelimiter', ',', ','],
      ['scopeDelimiter', '', ''],
      ['tokenEndpoint', 'https://am.example.net/token?realm=/alpha', 'https://am.example.net/token?realm=/alpha'],
      ['tokenEndpointAuthMethod', 'client_secret_post', 'client_secret_post'],
      ['tokenEndpointCredentialsEncoding', 'loose', 'loose'],
    ]
    for (const [property, written, read] of TABLE) {
      it(`${property}: ${JSON.stringify(written)}`, () => {
        assert.deepEqual(good({ ...BEARER, [property]: written })[property], read)
      })
    }

    it('proxy, with its password kept', () => {
      const proxy = { proxyUri: 'http://proxy.example.net:3128', userName: 'p', password: CANARY }
      const read = good({ ...BASIC, proxy }).proxy as unknown as { password: { reveal(): string } }
      assert.equal(read.password.reveal(), CANARY)
      assert.equal(JSON.stringify(read), JSON.stringify({ ...proxy, password: '[redacted]' }))
    })

    it('a password in any characters', () => {
      const { password } = good({ ...BASIC, password: 'é:+/@%\u{1f511}' }) as {
        password: { reveal(): string }
      } & object
      assert.equal(password.reveal(), 'é:+/@%\u{1f511}')
    })
  })

  describe('messages', () => {
    const { authType: _, ...untyped } = BASIC
    const without = (content: JsonObject, key: string): JsonObject => {
      const { [key]: _, ...rest } = content
      return rest
    }
    const TABLE: [content: JsonObject, ...messages: string[]][] = [
      [{}, 'authType: must be "basic" or "bearer" (it is missing)'],
      [
        { ...untyped, authTyp: 'basic' },
        'authType: must be "basic" or "bearer" (it is missing; the file has "authTyp")',
      ],
      [{ ...BASIC, authType: 'Basic' }, 'authType: must be "basic" or "bearer" (found "Basic")'],
      [{ ...BASIC, authType: null }, 'authType: must be "basic" or "bearer" (found null)'],
      [{ ...BASIC, authType: ['basic'] }, 'authType: must be "basic" or "bearer" (found an array)'],
      [
        { authType: 'basic' },
        `instanceUrl: ${URL_RULE} (it is missing)`,
        'userName: must be the user name at the remote (required with authType "basic") (it is missing)',
        'password: must be the password at the remote (required with authType "basic") (it is missing)',
      ],
      [
        { authType: 'bearer' },
        `instanceUrl: ${URL_RULE} (it is missing)`,
        'clientId: must be the OAuth 2.0 client id (required with authType "bearer") (it is missing)',
        'clientSecret: must be the OAuth 2.0 client secret (required with authType "bearer") (it is missing)',
        `tokenEndpoint: ${TOKEN_RULE} (it is missing)`,
      ],
      [
        { ...without(BASIC, 'password'), passwrd: CANARY },
        'password: must be the password at the remote (required with authType "basic") (it is missing; the file has "passwrd")',
      ],
      [
        { ...without(BASIC, 'instanceUrl'), instanceURI: 'https://x/' },
        `instanceUrl: ${URL_RULE} (it is missing; the file has "instanceURI")`,
      ],
      [{ ...BASIC, enabled: 'yes' }, `enabled: ${FLAG} (found "yes")`],
      [{ ...BASIC, enabled: null }, `enabled: ${FLAG} (found null)`],
      [{ ...BASIC, reuseConnections: 1 }, `reuseConnections: ${FLAG} (found 1)`],
      [{ ...BASIC, retryRequests: 'no' }, `retryRequests: ${FLAG} (found "no")`],
      [{ ...BASIC, dangerouslySkipTlsVerify: {} }, `dangerouslySkipTlsVerify: ${FLAG} (found an object)`],
      [{ ...BASIC, instanceUrl: '' }, `instanceUrl: ${URL_RULE} (found an empty string)`],
      [{ ...BASIC, instanceUrl: 5 }, `instanceUrl: ${URL_RULE} (found a number)`],
      [{ ...BASIC, instanceUrl: '/openidm' }, `instanceUrl: ${URL_RULE}; it is no absolute URL (found a string)`],
      [
        { ...BASIC, instanceUrl: 'ftp://eu.example.net/' },
        `instanceUrl: ${URL_RULE}; found the scheme "ftp:" (found a string)`,
      ],
      [
        { ...BASIC, instanceUrl: `https://svc:${CANARY}@eu.example.net/` },
        `instanceUrl: ${URL_RULE}; credentials do not belong into the URL (found a string)`,
      ],
      [
        { ...BASIC, instanceUrl: `https://eu.example.net/#${CANARY}` },
        `instanceUrl: ${URL_RULE}; it must not hold a fragment (#) (found a string)`,
      ],
      [
        { ...BASIC, instanceUrl: `https://eu.example.net/?key=${CANARY}` },
        'instanceUrl: must not hold a query (?) (found a string)',
      ],
      [
        { ...BASIC, userName: '' },
        'userName: must be the user name at the remote (required with authType "basic") (found an empty string)',
      ],
      [
        { ...BASIC, userName: `svc:${CANARY}` },
        'userName: must not hold a colon: it ends the user name in the Authorization header (RFC 7617) (found a string)',
      ],
      [
        { ...BASIC, password: { $purpose: { name: CANARY } } },
        'password: must be the password at the remote (required with authType "basic") (found an object)',
      ],
      [
        { ...BASIC, password: 4711 },
        'password: must be the password at the remote (required with authType "basic") (found a number)',
      ],
      [{ ...BASIC, connectionTimeout: 'soon' }, `connectionTimeout: ${DURATION} (found "soon")`],
      ...['zero', '999 ms', 'unlimited', '25 hours', true].map((probe): [JsonObject, string] => [
        { ...BASIC, probe },
        `probe: ${DURATION}, from 1 second to 1 day (found ${JSON.stringify(probe)})`,
      ]),
      [{ ...BASIC, connectionTimeout: -1 }, `connectionTimeout: ${DURATION} (found -1)`],
      [{ ...BASIC, socketTimeout: true }, `socketTimeout: ${DURATION} (found true)`],
      [{ ...BASIC, socketTimeout: '' }, `socketTimeout: ${DURATION} (found an empty string)`],
      [{ ...BASIC, maxConnections: 0 }, `maxConnections: ${WHOLE} (found 0)`],
      [{ ...BASIC, maxConnections: 1.5 }, `maxConnections: ${WHOLE} (found 1.5)`],
      [{ ...BASIC, maxConnections: 10_001 }, `maxConnections: ${WHOLE} (found 10001)`],
      [{ ...BASIC, maxConnections: '64' }, `maxConnections: ${WHOLE} (found "64")`],
      [{ ...BASIC, maxQueuedRequests: 0 }, `maxQueuedRequests: ${WHOLE}0 (found 0)`],
      [{ ...BASIC, hostnameVerifier: 'NONE' }, 'hostnameVerifier: must be one of "STRICT", "ALLOW_ALL" (found "NONE")'],
      [{ ...BASIC, tlsVersion: 'SSLv3' }, 'tlsVersion: must be one of "TLSv1.2", "TLSv1.3" (found "SSLv3")'],
      [
        { ...BASIC, proxy: `http://p:${CANARY}@proxy.example.net` },
        'proxy: must be an object {"proxyUri", "userName", "password"} (found a string)',
      ],
      [
        { ...BASIC, proxy: { proxyURL: 'http://x' } },
        'proxy.proxyUri: must be the http:// or https:// URL of the forward proxy (it is missing; the file has "proxy.proxyURL")',
      ],
      [
        { ...BASIC, proxy: { proxyUri: `http://p:${CANARY}@x`, userName: '', password: 5 } },
        'proxy.proxyUri: must be the http:// or https:// URL of the forward proxy; credentials do not belong into the URL (found a string)',
        'proxy.userName: must be the user name at the forward proxy (found an empty string)',
        'proxy.password: must be the password at the forward proxy (found a number)',
      ],
      [{ ...BEARER, clientId: 'é' }, `clientId: ${ASCII} (found a string)`],
      [{ ...BEARER, clientSecret: `${CANARY}é` }, `clientSecret: ${ASCII} (found a string)`],
      [{ ...BEARER, clientSecret: `${CANARY}\n` }, `clientSecret: ${ASCII} (found a string)`],
      [
        { ...BEARER, clientSecret: '' },
        'clientSecret: must be the OAuth 2.0 client secret (required with authType "bearer") (found an empty string)',
      ],
      [{ ...BEARER, tokenEndpoint: '/token' }, `tokenEndpoint: ${TOKEN_RULE}; it is no absolute URL (found a string)`],
      [
        { ...BEARER, tokenEndpoint: `https://x:${CANARY}@am/` },
        `tokenEndpoint: ${TOKEN_RULE}; credentials do not belong into the URL (found a string)`,
      ],
      [
        { ...BEARER, tokenEndpointAuthMethod: 'private_key_jwt' },
        'tokenEndpointAuthMethod: must be one of "client_secret_basic", "client_secret_post" (found "private_key_jwt")',
      ],
      [
        { ...BEARER, tokenEndpointCredentialsEncoding: 'raw' },
        'tokenEndpointCredentialsEncoding: must be one of "strict", "loose" (found "raw")',
      ],
      [{ ...BEARER, scope: 3 }, `scope: ${SCOPE} (found a number)`],
      [{ ...BEARER, scope: ['fr:idm:*', 3] }, `scope: ${SCOPE} (found an array)`],
      [{ ...BEARER, scopeDelimiter: null }, 'scopeDelimiter: must be a string (found null)'],
    ]
    for (const [content, ...messages] of TABLE) {
      it(messages[0] ?? '', () => {
        assert.deepEqual(faults(content), messages)
        assert.ok(!messages.join().includes(CANARY))
      })
    }

    it('never show what stands where a secret may stand, whatever is wrong with it', () => {
      for (const base of [BASIC, BEARER]) {
        for (const key of Object.keys({ ...BASIC, ...BEARER, proxy: 0, scope: 0, scopeDelimiter: 0 })) {
          for (const value of [`${CANARY}\u0000`, { a: CANARY }, [CANARY]]) {
            if (key !== 'authType')
              assert.ok(
                !faults({ ...base, [key]: value })
                  .join()
                  .includes(CANARY),
                key,
              )
          }
        }
      }
    })
  })

  describe('notices', () => {
    const TABLE: [JsonObject, ...string[]][] = [
      [BASIC],
      [{ ...BASIC, _parked: 1, comment: 'x', proxy: { proxyUri: 'http://p', _userName: 'x', comment: '' } }],
      [{ ...BASIC, scope: [], tokenEndpointAuthMethod: 'client_secret_post' }],
      [
        { ...BASIC, conectionTimeout: '5s' },
        'unknown property "conectionTimeout" is ignored; did you mean "connectionTimeout"?',
      ],
      [
        { ...BASIC, hostNameVerifier: 'STRICT' },
        'unknown property "hostNameVerifier" is ignored; did you mean "hostnameVerifier"?',
      ],
      [{ ...BASIC, somethingElse: CANARY }, 'unknown property "somethingElse" is ignored'],
      [
        { ...BASIC, proxy: { proxyUri: 'http://p', passwort: CANARY } },
        'unknown property "proxy.passwort" is ignored; did you mean "password"?',
      ],
      [
        { ...BASIC, dangerouslySkipTlsVerify: true },
        'dangerouslySkipTlsVerify: the remote is not authenticated at all',
      ],
      [{ ...BASIC, hostnameVerifier: 'ALLOW_ALL' }, 'hostnameVerifier ALLOW_ALL: any trusted host may answer'],
      [{ ...BASIC, instanceUrl: 'HTTP://x/' }, 'instanceUrl: http sends the credentials in clear text'],
      [{ ...BEARER, tokenEndpoint: 'http://x/' }, 'tokenEndpoint: http sends the client secret in clear text'],
    ]
    for (const [content, ...expected] of TABLE) {
      it(expected[0] ?? `none for ${Object.keys(content).at(-1)}`, () => assert.deepEqual(notices(content), expected))
    }
  })
})
