/** A gateway with the console, an instance `eu`, and a mapping of its users. */
import { Secret } from '../../../lib/core/secret.ts'
import { Gateway } from '../../../lib/gateway/gateway.ts'
import { ownProject } from '../../../lib/gateway/project/acceptance.ts'
import { createLog } from '../../../lib/gateway/project/log.ts'
import { ownPlugins } from '../../../lib/gateway/project/package-info.ts'
import { openProject, type Project } from '../../../lib/gateway/project/project.ts'
import { buildConsole } from '../../console/build.ts'
import { onCleanUp } from '../../helpers/clean-up.ts'
import { tempDir, writeFiles } from '../../helpers/files.ts'
import { type CallOptions, type CallResponse, request } from '../../helpers/http.ts'
import { instanceOf, type RemoteIdm, startRemoteIdm } from '../../sync/gateways.ts'

export const ADMIN = 'openidm-admin'
export const PASSWORD = 'a password, in täst'
const HEADERS = { authorization: `Basic ${Buffer.from(`${ADMIN}:${PASSWORD}`).toString('base64')}` }

export const PEOPLE = {
  name: 'people',
  source: 'external/idm/eu/managed/user',
  target: 'managed/user',
  properties: ['userName', 'givenName', 'sn', 'mail'].map((name) => ({ source: name, target: name })),
  correlationQuery: [{ linkQualifier: 'default', expressionTree: { any: ['userName'] } }],
  requireApproval: true,
}

const NAMES = [
  ['bjensen', 'Barbara', 'Jensen'],
  ['scarter', 'Sam', 'Carter'],
  ['kvaughan', 'Kirsten', 'Vaughan'],
  ['tmorris', 'Ted', 'Morris'],
] as const

export const person = ([userName, givenName, sn]: readonly [string, string, string]) => ({
  ...{ userName, givenName, sn },
  mail: `${userName}@example.com`,
})

export interface Stage {
  readonly project: Project
  readonly remote: RemoteIdm
  /** Of the console. */
  readonly url: string
  call(path: string, options?: CallOptions): Promise<CallResponse>
  /** Stops the gateway and starts it again on its port. */
  restart(meanwhile?: () => Promise<void>): Promise<void>
}

export interface StageOptions {
  readonly conf?: Readonly<Record<string, unknown>>
  readonly people?: Iterable<readonly [string, string, string]>
}

export async function startStage({ conf = {}, people = NAMES }: StageOptions = {}): Promise<Stage> {
  await buildConsole()
  const remote = await startRemoteIdm()
  let number = 0
  for (const one of people) await remote.connection.create('managed/user', `id-${++number}`, person(one))
  const project = await openProject(await tempDir())
  ownProject(project)
  const files = { 'external.idm-eu.json': instanceOf(remote), 'sync.json': { mappings: [PEOPLE] }, ...conf }
  await writeFiles(project.conf, files)
  const start = (port: number) =>
    Gateway.start({
      ...{ project, host: '127.0.0.1', port, plugins: ownPlugins },
      administratorPassword: new Secret(PASSWORD),
      log: createLog({ level: 'silent' }),
    })
  let gateway = await start(0)
  onCleanUp(() => gateway.stop())
  const origin = gateway.origins[0] ?? ''
  const call = (path: string, options: CallOptions = {}) =>
    request(`${origin}/openidm${path}`, { ...options, headers: options.headers ?? HEADERS })
  const restart = async (meanwhile?: () => Promise<void>) => {
    await gateway.stop()
    await meanwhile?.()
    gateway = await start(Number(new URL(origin).port))
  }
  return { project, remote, url: `${origin}/openidm/console/`, call, restart }
}
