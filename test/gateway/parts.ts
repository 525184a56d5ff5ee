/** A gateway for tests, on a project directory of its own. */
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { Secret } from '../../lib/core/secret.ts'
import { Gateway } from '../../lib/gateway/gateway.ts'
import { ownProject } from '../../lib/gateway/project/acceptance.ts'
import { createLog } from '../../lib/gateway/project/log.ts'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { openProject, type Project } from '../../lib/gateway/project/project.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDir, writeFiles } from '../helpers/files.ts'
import { type CallOptions, type CallResponse, request } from '../helpers/http.ts'
import { testPki } from '../helpers/pki.ts'

export const PASSWORD = 'Sesam-öffne:dich'
export const ADMIN = { 'x-openidm-username': 'openidm-admin', 'x-openidm-password': "UTF-8''Sesam-%C3%B6ffne%3Adich" }
export const ANONYMOUS = { 'x-openidm-username': 'anonymous', 'x-openidm-password': 'anonymous' }

export interface TestGatewayOptions {
  /** One that is there; a new one by default. */
  readonly project?: Project
  /** Directories whose content is copied into the project first. */
  readonly copies?: readonly string[]
  /** Files of `conf/`. */
  readonly conf?: Readonly<Record<string, unknown>>
  readonly plugins?: readonly string[]
  /** Listen for HTTPS, with a certificate of the test PKI. */
  readonly https?: boolean
  /** `process.env` unless given. */
  readonly env?: Readonly<Record<string, string>>
}

export interface TestGateway {
  readonly gateway: Gateway
  readonly project: Project
  /** `http://127.0.0.1:PORT/openidm`. */
  readonly url: string
  readonly httpsUrl: string
  readonly port: number
  /** The log as it was written. */
  readonly log: LogLines
  /** A call below `/openidm`, as the administrator unless `headers` are given. */
  call(path: string, options?: CallOptions): Promise<CallResponse>
}

/** Log lines in memory, as objects. */
export class LogLines {
  readonly lines: string[] = []

  write(line: string): void {
    this.lines.push(line)
  }

  get entries(): Record<string, unknown>[] {
    return this.lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  }

  /** The entries with this message. */
  with(message: string): Record<string, unknown>[] {
    return this.entries.filter(({ msg }) => msg === message)
  }
}

/** Starts a gateway that stops with its owner (see clean-up.ts). */
export async function startGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const { copies = [], conf = {}, plugins = [], https, env } = options
  const project = options.project ?? (await openProject(await tempDir()))
  for (const copy of copies) await cp(copy, project.dir, { recursive: true })
  // Its schedules are its own.
  if (copies.length === 0) ownProject(project)
  await writeFiles(project.conf, conf)
  const pki = await testPki()
  if (https) {
    const { certificate, key } = await pki.server()
    await writeFiles(project.security, { 'server.pem': certificate, 'server-key.pem': key })
  }
  const log = new LogLines()
  const gateway = await Gateway.start({
    project,
    host: '127.0.0.1',
    port: 0,
    ...(https && { httpsPort: 0 }),
    plugins,
    ...(env && { env }),
    administratorPassword: new Secret(PASSWORD),
    log: createLog({ level: 'trace', destination: log }),
  })
  onCleanUp(() => gateway.stop())
  const [origin = '', httpsOrigin = ''] = gateway.origins
  const url = `${origin}/openidm`
  const call = (path: string, options: CallOptions = {}) =>
    request(`${url}${path}`, { ...options, headers: options.headers ?? ADMIN })
  return { gateway, project, url, httpsUrl: `${httpsOrigin}/openidm`, port: Number(new URL(origin).port), log, call }
}

/** Runs a gateway on a project that is there, with this package as its plugin, for as long as `work` takes. */
export async function withGateway<T>(dir: string, work: (call: TestGateway['call']) => Promise<T>): Promise<T> {
  const project = await openProject(dir)
  ownProject(project)
  const gateway = await Gateway.start({
    project,
    host: '127.0.0.1',
    port: 0,
    plugins: [packageRoot],
    administratorPassword: new Secret(PASSWORD),
    log: createLog({ level: 'silent' }),
  })
  try {
    return await work((path, options = {}) =>
      request(`${gateway.origins[0]}/openidm${path}`, { ...options, headers: options.headers ?? ADMIN }),
    )
  } finally {
    await gateway.stop()
  }
}

/** Makes a plugin folder: `module` is the source of its main module. */
export async function pluginFolder(
  module: string,
  manifest: Readonly<Record<string, unknown>> = {},
  name = 'sample',
): Promise<string> {
  const dir = join(await tempDir(), name)
  const standard = { id: name, version: '1.0.0', contractVersion: '1.0', main: 'main.mjs' }
  return writeFiles(dir, { 'plugin.json': { ...standard, ...manifest }, 'main.mjs': module })
}

export const ROUTERS = { contributes: { routers: [{ mount: '/openidm', path: 'sample', authentication: 'required' }] } }
