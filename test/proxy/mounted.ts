import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { JsonObject } from '../../lib/contract.ts'
import { type ExternalIdmOptions, externalIdm, type InstanceStatus } from '../../lib/index.ts'
import { type BearerProperties, judgeProperties } from '../../lib/remote/properties/properties.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDirWith } from '../helpers/files.ts'
import { type CallOptions, type CallResponse, request, toLoopback } from '../helpers/http.ts'
import { type MemoryLog, memoryLog } from '../helpers/log.ts'
import { testPki } from '../helpers/pki.ts'
import { type Remote, type RemoteOptions, startRemote } from '../helpers/remote.ts'
import { DEFAULT_CLIENT, type TokenClient, type TokenServer } from '../helpers/token-server.ts'

/** The remote proxy, mounted in a plain server on loopback; every host name is this machine, the test CA is trusted. */
export interface MountedIdm {
  readonly port: number
  readonly confDir: string
  readonly log: MemoryLog
  /** Calls `/openidm/external/idm/` and what is given, byte for byte. */
  call(path: string, options?: CallOptions): Promise<CallResponse>
  status(name: string): InstanceStatus | undefined
  close(): Promise<void>
}

/**
 * Starts it with these files, by instance name; it closes with its owner (see clean-up.ts).
 * @param around what the application does around each request
 * @param conf further files of the conf directory
 */
export async function startIdm(
  instances: Readonly<Record<string, unknown>>,
  options: Partial<ExternalIdmOptions> = {},
  around = (serve: () => void): void => serve(),
  conf: Readonly<Record<string, unknown>> = {},
): Promise<MountedIdm> {
  const { ca } = await testPki()
  const files = Object.entries(instances).map(([name, content]) => [`conf/external.idm-${name}.json`, content])
  const others = Object.entries({ 'other.json': {}, ...conf }).map(([name, content]) => [`conf/${name}`, content])
  const dir = await tempDirWith({ 'security/truststore.pem': ca, ...Object.fromEntries([...others, ...files]) })
  const confDir = join(dir, 'conf')
  const log = memoryLog()
  const idm = await externalIdm({ confDir, authorize: () => true, lookup: toLoopback, log, ...options })
  onCleanUp(() => idm.close())
  const server = createServer((incoming, response) =>
    around(() => idm.router(incoming, response, () => void response.writeHead(404).end('not ours'))),
  )
  onCleanUp(() => {
    server.closeAllConnections()
    server.close()
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return {
    port,
    confDir,
    log,
    call: (path, call) => request(`http://127.0.0.1:${port}/openidm/external/idm/${path}`, call),
    status: (name) => idm.instances().find((instance) => instance.name === name),
    close: () => idm.close(),
  }
}

/** A remote as one has it: https under a name of its own, by the private CA. */
export async function startTlsRemote(options: RemoteOptions = {}): Promise<Remote> {
  const hostName = options.hostName ?? 'idm.example.com'
  return startRemote({ tls: await (await testPki()).server(hostName), ...options, hostName })
}

export const basicOf = ({ url }: { url: string }, more: object = {}): object => ({
  authType: 'basic',
  instanceUrl: url,
  userName: 'svc',
  password: 'pw',
  ...more,
})

export const bearerOf = (
  { url }: { url: string },
  { tokenEndpoint }: Pick<TokenServer, 'tokenEndpoint'>,
  more: object = {},
  { id, secret, method = 'client_secret_post' }: TokenClient = DEFAULT_CLIENT,
): object => ({
  authType: 'bearer',
  instanceUrl: url,
  tokenEndpoint,
  clientId: id,
  clientSecret: secret,
  tokenEndpointAuthMethod: method,
  scope: ['fr:idm:*'],
  ...more,
})

/** The properties that a file with this content has. */
export function bearerProperties(content: object): BearerProperties {
  const judgement = judgeProperties(content as JsonObject)
  if ('properties' in judgement && judgement.properties.authType === 'bearer') return judgement.properties
  throw new Error(`no properties of a bearer: ${JSON.stringify(judgement)}`)
}
