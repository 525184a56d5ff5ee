import assert from 'node:assert/strict'
import { guarded, reply } from '../helpers/behaviours.ts'
import { startRemote } from '../helpers/remote.ts'
import { startTokenServer, type TokenClient, type TokenServerOptions } from '../helpers/token-server.ts'
import { basicOf, bearerOf, startIdm, startTlsRemote } from '../proxy/mounted.ts'

const SECRETS = ['plain', 'se:cr/et+%40@%', 'a b', '~!*\'()&=?#"\\', '%2B', '+', ' x ', 'a%']
const ID = 'id:+/@% &='

/** The status of one request through the proxy, with this client at this token server. */
async function through(client: TokenClient, server: TokenServerOptions, more: object = {}): Promise<number> {
  const tokens = await startTokenServer({ clients: [client], ...server })
  const remote = await startTlsRemote({ behaviour: guarded(tokens.accepts, reply({ body: {} })) })
  const idm = await startIdm({ eu: bearerOf(remote, tokens, more, client) })
  const { status } = await idm.call('eu/x')
  assert.ok(!tokens.requests.some(({ url }) => url.includes('?')), 'nothing of it stands in a URL')
  return status
}

describe('T3 client credentials as the token server wants them', () => {
  for (const secret of SECRETS) {
    it(`client_secret_basic, form-encoded: ${JSON.stringify(secret)}`, async () => {
      assert.equal(await through({ id: ID, secret, method: 'client_secret_basic' }, { basic: 'form' }), 200)
    })
    it(`client_secret_basic, loose: ${JSON.stringify(secret)}`, async () => {
      const client: TokenClient = { id: 'proxy client', secret, method: 'client_secret_basic' }
      assert.equal(await through(client, { basic: 'raw' }, { tokenEndpointCredentialsEncoding: 'loose' }), 200)
    })
    it(`client_secret_post: ${JSON.stringify(secret)}`, async () => {
      assert.equal(await through({ id: ID, secret, method: 'client_secret_post' }, {}), 200)
    })
  }

  it('client_secret_basic is the default, as OAuth has it', async () => {
    const client: TokenClient = { id: ID, secret: 'x', method: 'client_secret_basic' }
    assert.equal(await through(client, {}, { tokenEndpointAuthMethod: undefined }), 200)
  })

  it('the wrong encoding is refused', async () => {
    const client: TokenClient = { id: 'proxy', secret: 'se:cr/et+%40@%', method: 'client_secret_basic' }
    assert.equal(await through(client, { basic: 'form' }, { tokenEndpointCredentialsEncoding: 'loose' }), 401)
    assert.equal(await through(client, { basic: 'raw' }), 401)
  })

  it('an Authorization header with a post body, or the other way round, is never sent', async () => {
    const tokens = await startRemote({ behaviour: reply({ body: { access_token: 't', expires_in: 60 } }) })
    const remote = await startRemote()
    const at = { tokenEndpoint: tokens.url }
    const client = { id: 'i', secret: 's' }
    const idm = await startIdm({
      basic: bearerOf(remote, at, {}, { ...client, method: 'client_secret_basic' }),
      post: bearerOf(remote, at, {}, { ...client, method: 'client_secret_post' }),
    })
    await idm.call('basic/x')
    assert.equal(tokens.last.headers.authorization, `Basic ${btoa('i:s')}`)
    assert.equal(tokens.last.text, 'grant_type=client_credentials&scope=fr%3Aidm%3A*')
    await idm.call('post/x')
    assert.equal(tokens.last.headers.authorization, undefined)
    assert.equal(tokens.last.text, 'grant_type=client_credentials&scope=fr%3Aidm%3A*&client_id=i&client_secret=s')
    assert.equal(tokens.last.headers['content-type'], 'application/x-www-form-urlencoded')
  })

  const SCOPES: [title: string, properties: object, parameter: string | null][] = [
    ['one', { scope: ['fr:idm:*'] }, 'fr:idm:*'],
    ['two, joined by a space', { scope: ['fr:idm:*', 'fr:am:*'] }, 'fr:idm:* fr:am:*'],
    ['two, joined by scopeDelimiter', { scope: ['a', 'b'], scopeDelimiter: ',' }, 'a,b'],
    ['a string, joined by scopeDelimiter', { scope: 'a b', scopeDelimiter: '+' }, 'a+b'],
    ['none: the parameter is left out', { scope: [] }, null],
    ['an empty string: the parameter is left out', { scope: '' }, null],
    ['an empty name: the parameter is left out', { scope: [''] }, null],
    ['absent: the parameter is left out', { scope: undefined }, null],
  ]
  for (const [title, properties, parameter] of SCOPES) {
    it(`scope: ${title}`, async () => {
      const tokens = await startRemote({ behaviour: reply({ body: { access_token: 't', expires_in: 60 } }) })
      const idm = await startIdm({ eu: bearerOf(await startRemote(), { tokenEndpoint: tokens.url }, properties) })
      assert.equal((await idm.call('eu/x')).status, 200)
      assert.equal(new URLSearchParams(tokens.last.text).get('scope'), parameter)
    })
  }

  it('a basic password is not form-encoded, and may hold any character', async () => {
    const password = 'é:+/@% \u{1f511}'
    const remote = await startTlsRemote()
    const idm = await startIdm({ eu: basicOf(remote, { userName: 'sv+c é', password }) })
    assert.equal((await idm.call('eu/x')).status, 200)
    assert.equal(
      remote.last.headers.authorization,
      `Basic ${Buffer.from(`sv+c é:${password}`, 'utf8').toString('base64')}`,
    )
  })
})
