import assert from 'node:assert/strict'
import type { Connection } from '../../lib/crest/protocol/connection.ts'
import { type ContractSubject, describeResourceContract } from '../contract/resource-contract.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { testPki } from '../helpers/pki.ts'
import { DEFAULT_CLIENT, startTokenServer } from '../helpers/token-server.ts'
import { acceptsBasic, basic, startCrestServer, startGateway } from './resource-parts.ts'

async function overBasic(): Promise<Connection> {
  const url = await startCrestServer({ accepts: acceptsBasic })
  return (await startGateway(basic(url))).connection
}

/** As a tenant in the cloud: bearer, https by a private authority, and a name that only the lookup knows. */
async function overBearerAndTls(): Promise<Connection> {
  const tokens = await startTokenServer()
  const hostName = 'idm.example.com'
  const url = await startCrestServer({
    accepts: tokens.accepts,
    hostName,
    tls: await (await testPki()).server(hostName),
  })
  const gateway = await startGateway({
    authType: 'bearer',
    instanceUrl: url,
    clientId: DEFAULT_CLIENT.id,
    clientSecret: DEFAULT_CLIENT.secret,
    tokenEndpoint: tokens.tokenEndpoint,
    tokenEndpointAuthMethod: 'client_secret_post',
    scope: ['fr:idm:*'],
  })
  return gateway.connection
}

const ways: [name: string, start: () => Promise<Connection>][] = [
  ['a remote over http and basic', overBasic],
  ['a remote over https and bearer', overBearerAndTls],
]

for (const [name, start] of ways)
  describe(name, () => {
    ownedBySuite()
    let subject: ContractSubject | undefined
    before(async () => {
      subject = { connection: await start(), collection: 'external/idm/eu/managed/user' }
    })
    describeResourceContract('its managed/user', () => subject ?? assert.fail('started before'))
  })
