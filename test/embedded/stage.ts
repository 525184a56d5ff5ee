/** An application with two fake IDMs, `one` and `two`, behind plain `node:http`. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { JsonObject } from '../../lib/contract.ts'
import { type ExternalIdmOptions, externalIdm, type MountedExternalIdm } from '../../lib/index.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { type FakeIdm, fakeIdm } from '../helpers/fake-idm/fake-idm.ts'
import { tempDirWith } from '../helpers/files.ts'
import { type CallOptions, type CallResponse, request } from '../helpers/http.ts'
import { type MemoryLog, memoryLog } from '../helpers/log.ts'

export const USERS = 'managed/user'

/** Copies `userName` and `sn`, correlates by `userName`. */
export const MAPPING: JsonObject = {
  source: `external/idm/one/${USERS}`,
  target: `external/idm/two/${USERS}`,
  properties: ['userName', 'sn'].map((name) => ({ source: name, target: name })),
  correlationQuery: { linkQualifier: 'default', expressionTree: { any: ['userName'] } },
}

export interface Project {
  readonly one: FakeIdm
  readonly two: FakeIdm
  readonly dir: string
}

export interface Application extends Project {
  readonly idm: MountedExternalIdm
  readonly log: MemoryLog
  call(path: string, options?: CallOptions): Promise<CallResponse>
}

const instanceOf = ({ url }: FakeIdm) => ({ authType: 'basic', instanceUrl: url, userName: 'a', password: 'b' })

/** A folder with `conf/` and the mapping `m`. @param files more files by path */
export async function project(files: Readonly<Record<string, unknown>> = {}): Promise<Project> {
  const [one, two] = [await fakeIdm(), await fakeIdm()]
  for (const remote of [one, two]) remote.seed(USERS, [])
  const dir = await tempDirWith({
    'conf/external.idm-one.json': instanceOf(one),
    'conf/external.idm-two.json': instanceOf(two),
    'conf/mapping-m.json': MAPPING,
    ...files,
  })
  return { one, two, dir }
}

export async function start(
  { dir, ...remotes }: Project,
  options: Partial<ExternalIdmOptions> = {},
): Promise<Application> {
  const log = memoryLog()
  const idm = await externalIdm({
    confDir: join(dir, 'conf'),
    authorize: () => true,
    authorizeManagement: () => true,
    sync: { db: join(dir, 'db/openidm.db') },
    log,
    ...options,
  })
  onCleanUp(() => idm.close())
  const server = createServer((incoming, response) =>
    idm.router(incoming, response, () => response.writeHead(404).end('of the host')),
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onCleanUp(() => {
    server.closeAllConnections()
    server.close()
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { dir, ...remotes, idm, log, call: (path, call) => request(`${origin}/openidm/${path}`, call) }
}

export const people = (count: number): JsonObject[] =>
  Array.from({ length: count }, (_, index) => ({ _id: `u${index}`, userName: `user.${index}`, sn: `Name ${index}` }))
