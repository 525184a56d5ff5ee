import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { processIo, reportError } from '../../lib/cli/cli.ts'
import { type CommandIo, parsePort } from '../../lib/cli/command.ts'
import { Secret } from '../../lib/core/secret.ts'
import { Gateway, type GatewayOptions } from '../../lib/gateway/gateway.ts'
import { type Ownership, takeOwnership } from '../../lib/gateway/ownership.ts'
import { createLog, type HostLog, logLevelOf } from '../../lib/gateway/project/log.ts'
import { ownPlugins } from '../../lib/gateway/project/package-info.ts'
import { openProject, type Project } from '../../lib/gateway/project/project.ts'
import { stopOnSignal } from '../../lib/gateway/project/signals.ts'
import { isPortTaken, reasonOf, StartError, startError } from '../../lib/gateway/project/start-error.ts'
import { authorityFile, ensureCertificates } from './certificates.ts'
import { rememberedPort, writeInstance } from './instance.ts'
import { startRemote } from './remote.ts'
import { demoText } from './text.ts'

const HELP = `Runs the gateway together with a second one that acts as the remote IDM, and prints commands to try. Its files
are created in ./demo at the first start. It listens on 127.0.0.1 only.

Environment:
  PORT        port for HTTP; 0 takes a free one (default 8080)
  HTTPS_PORT  port for HTTPS; 0 takes a free one (default 8443)
  LOG_LEVEL   trace, debug, info (default), warn, error or silent
`

type Ports = Required<Pick<GatewayOptions, 'port' | 'httpsPort' | 'localToken'>>

/** Runs until a signal stops it. @returns the exit status */
export async function main(args: readonly string[], io: CommandIo = processIo()): Promise<number> {
  try {
    if (args.length === 0) await serve(io)
    else io.stdout.write(HELP)
    return 0
  } catch (error) {
    return reportError(error, io)
  }
}

async function serve(io: CommandIo): Promise<void> {
  const ports = { port: portOf(io.env, 'PORT', 8080), httpsPort: portOf(io.env, 'HTTPS_PORT', 8443) }
  const project = await openFolder(resolve(io.cwd, 'demo'))
  const ownership = await takeOwnership(project, 'gateway')
  try {
    await serveOwned(project, ownership, { ...ports, localToken: ownership.token }, io)
  } finally {
    ownership.release()
  }
}

async function serveOwned(project: Project, ownership: Ownership, ports: Ports, io: CommandIo): Promise<void> {
  const log = createLog({ level: logLevelOf(io.env) })
  const remoteProject = await openFolder(join(project.dir, 'remote'))
  await ensureCertificates(project, remoteProject)
  const remote = await startRemote(remoteProject, await rememberedPort(project), log.child({ gateway: 'remote' }))
  const gateway = await startBeside(remote, project, ports, log)
  const stop = async () => {
    await gateway.stop()
    await remote.stop()
  }
  const reload = async () => {
    await remote.reload()
    await gateway.reload()
  }
  const stopped = stopOnSignal({ stop, reload }, log)
  ownership.announce({ url: `${gateway.origins[0]}/openidm`, local: gateway.localOrigin })
  announce(gateway, project, io)
  await stopped
}

async function openFolder(dir: string): Promise<Project> {
  try {
    await mkdir(dir, { recursive: true })
  } catch (error) {
    throw startError(dir, error)
  }
  return openProject(dir)
}

async function startBeside(remote: Gateway, project: Project, ports: Ports, log: HostLog): Promise<Gateway> {
  try {
    await writeInstance(project, Number(new URL(remote.origins[0] ?? '').port))
    const administratorPassword = new Secret('openidm-admin')
    return await Gateway.start({
      project,
      host: '127.0.0.1',
      ...ports,
      plugins: ownPlugins,
      administratorPassword,
      log,
    })
  } catch (error) {
    await remote.stop()
    throw isPortTaken(error)
      ? new StartError(`${reasonOf(error)}: set PORT and HTTPS_PORT to others (0: free ones)`)
      : error
  }
}

function announce(gateway: Gateway, project: Project, { stdout }: CommandIo): void {
  for (const origin of gateway.origins) stdout.write(`Listening on ${origin}/openidm\n`)
  const secure = new URL(gateway.origins.at(-1) ?? '')
  stdout.write(
    demoText({ origin: `https://localhost:${secure.port}`, authority: authorityFile(project), conf: project.conf }),
  )
}

const portOf = (env: NodeJS.ProcessEnv, name: string, fallback: number): number =>
  env[name] === undefined || env[name] === '' ? fallback : parsePort(name, env[name])
