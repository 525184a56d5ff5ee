import assert from 'node:assert/strict'
import { join } from 'node:path'
import { echo } from '../helpers/behaviours.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { tempDirWith } from '../helpers/files.ts'
import { testPki } from '../helpers/pki.ts'
import type { RecordedRequest } from '../helpers/recorded-request.ts'
import { type Remote, startRemote } from '../helpers/remote.ts'
import { DEFAULT_CLIENT, startTokenServer, type TokenServer } from '../helpers/token-server.ts'
import type { Host, Subject } from './subject.ts'

/** The remotes of the instances `eu`, `us`, `tls` and `cloud`; none of them is known to a caller. */
export interface Remotes {
  /** Basic, plain http, the base path of an instance that shares its server with others. */
  readonly eu: Remote
  readonly us: Remote
  /** By a certificate of a private authority for `idm.tls.example.com`. */
  readonly tls: Remote
  /** Bearer. */
  readonly cloud: Remote
}

/** Everything that takes part in an attack; the application is a process of its own. */
export interface Stage extends Remotes {
  readonly host: Host
  readonly confDir: string
  readonly tokens: TokenServer
  /** All requests that ever reached a remote, but for those of the test that runs. */
  readonly history: readonly { readonly instance: keyof Remotes; readonly request: RecordedRequest }[]
}

export const BASE = '/r1/openidm/'
export const basicOf = (instance: string): string =>
  `Basic ${Buffer.from(`svc-${instance}:pw-${instance}`).toString('base64')}`

/** Called in the body of a `describe`: the stage stands from its `before` on. Every test finds the remotes as new. */
export function useStage(subject: Subject): () => Stage {
  ownedBySuite()
  let stage: Stage | undefined
  const history: { instance: keyof Remotes; request: RecordedRequest }[] = []
  const current = (): Stage => stage ?? assert.fail('the stage stands when the tests run')
  before(async () => {
    const remotes = await startRemotes()
    const tokens = await startTokenServer()
    const confDir = await writeConf(remotes, tokens)
    stage = { ...remotes, tokens, confDir, history, host: await subject.start(confDir) }
  })
  afterEach(() => {
    for (const instance of ['eu', 'us', 'tls', 'cloud'] as const) {
      const remote = current()[instance]
      history.push(...remote.requests.splice(0).map((request) => ({ instance, request })))
      remote.answer(echo())
      assert.deepEqual(
        remote.refusals.splice(0).filter(isGarbage).map(String),
        [],
        `what reached the remote ${instance} was HTTP`,
      )
    }
    const { child, stderr } = current().host.process
    assert.equal(child.exitCode ?? child.signalCode, null, `the application lives\n${stderr}`)
  })
  return current
}

/** Not so a request that was cut off, as it is when its caller leaves or errs in the middle of it. */
const isGarbage = (error: Error & { code?: string }): boolean =>
  error.code !== 'HPE_INVALID_EOF_STATE' && error.code !== 'ECONNRESET'

async function startRemotes(): Promise<Remotes> {
  const identity = await (await testPki()).server('idm.tls.example.com')
  const basePath = BASE
  return {
    eu: await startRemote({ hostName: 'idm.eu.example.com', basePath }),
    us: await startRemote({ hostName: 'idm.us.example.com', basePath }),
    tls: await startRemote({ hostName: 'idm.tls.example.com', basePath, tls: identity }),
    cloud: await startRemote({ hostName: 'idm.cloud.example.com', basePath }),
  }
}

async function writeConf(remotes: Remotes, tokens: TokenServer): Promise<string> {
  const basic = (instance: string, instanceUrl: string) => ({
    [`conf/external.idm-${instance}.json`]: {
      authType: 'basic',
      instanceUrl,
      userName: `svc-${instance}`,
      password: `pw-${instance}`,
    },
  })
  const cloud = {
    authType: 'bearer',
    instanceUrl: remotes.cloud.url,
    clientId: DEFAULT_CLIENT.id,
    clientSecret: DEFAULT_CLIENT.secret,
    tokenEndpoint: tokens.tokenEndpoint,
    tokenEndpointAuthMethod: 'client_secret_post',
    scope: ['fr:idm:*'],
  }
  const dir = await tempDirWith({
    ...basic('eu', remotes.eu.url),
    ...basic('us', remotes.us.url),
    ...basic('tls', remotes.tls.url),
    'conf/external.idm-cloud.json': cloud,
    'security/truststore.pem': (await testPki()).ca,
  })
  return join(dir, 'conf')
}
