import { once } from 'node:events'
import { unlink } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import express from 'express'
import { type ExternalIdmOptions, externalIdm, type InstanceStatus, type MountedExternalIdm } from '../../lib/index.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDirWith, writeAtomically } from '../helpers/files.ts'
import { type CallOptions, type CallResponse, type OpenCall, open, request, toLoopback } from '../helpers/http.ts'
import { type MemoryLog, memoryLog } from '../helpers/log.ts'
import { testPki } from '../helpers/pki.ts'
import { until } from '../helpers/until.ts'

/** `externalIdm` in an Express 5 application; every host name is this machine, the test authority is trusted. */
export interface App {
  readonly idm: MountedExternalIdm
  readonly server: Server
  readonly port: number
  readonly confDir: string
  readonly log: MemoryLog
  /** Calls `/openidm/external/idm/` and what is given. */
  call(path: string, options?: CallOptions): Promise<CallResponse>
  /** The same, with the answer still under way. */
  open(path: string, options?: CallOptions): OpenCall
  status(name: string): InstanceStatus | undefined
  /** Writes the file of an instance, or removes it, and waits until that is in force. */
  configure(name: string, content?: unknown): Promise<void>
  fileOf(name: string): string
}

export const fileName = (name: string): string => `external.idm-${name}.json`

/** Starts it with these instances; it closes with its owner (see clean-up.ts). */
export async function startApp(
  instances: Readonly<Record<string, unknown>>,
  options: Partial<ExternalIdmOptions> = {},
): Promise<App> {
  const { ca } = await testPki()
  const files = Object.entries(instances).map(([name, content]) => [`conf/${fileName(name)}`, content])
  const dir = await tempDirWith({ 'security/truststore.pem': ca, 'conf/other.json': {}, ...Object.fromEntries(files) })
  const confDir = join(dir, 'conf')
  const log = memoryLog()
  const idm = await externalIdm({ confDir, authorize: () => true, lookup: toLoopback, log, ...options })
  onCleanUp(() => idm.close())
  const server = createServer(express().use('/openidm', idm.router))
  onCleanUp(() => {
    server.closeAllConnections()
    server.close()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return appOf(idm, server, confDir, log)
}

function appOf(idm: MountedExternalIdm, server: Server, confDir: string, log: MemoryLog): App {
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}/openidm/external/idm/`
  const status = (name: string) => idm.instances().find((instance) => instance.name === name)
  const fileOf = (name: string) => join(confDir, fileName(name))
  return {
    idm,
    server,
    port,
    confDir,
    log,
    call: (path, call) => request(url + path, call),
    open: (path, call) => open(url + path, call),
    status,
    fileOf,
    async configure(name, content) {
      const before = status(name)?.since
      if (content === undefined) await unlink(fileOf(name))
      else await writeAtomically(fileOf(name), content)
      await until(() => status(name)?.since !== before, `the change of ${name} is in force`)
    },
  }
}

/** The properties of an instance with basic authentication. */
export const basic = ({ url }: { url: string }, more: object = {}): object => ({
  authType: 'basic',
  instanceUrl: url,
  userName: 'svc',
  password: 'pw',
  ...more,
})
