import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Secret } from '../../core/secret.ts'
import { Gateway } from '../../gateway/gateway.ts'
import { createLog, type HostLog, logLevelOf } from '../../gateway/project/log.ts'
import { packageRoot } from '../../gateway/project/package-info.ts'
import { openProject, type Project } from '../../gateway/project/project.ts'
import { stopOnSignal } from '../../gateway/project/signals.ts'
import { isPortTaken, reasonOf, StartError, startError } from '../../gateway/project/start-error.ts'
import { type Command, type CommandIo, parsePort } from '../command.ts'
import { authorityFile, ensureCertificates } from '../demo/certificates.ts'
import { rememberedPort, writeInstance } from '../demo/instance.ts'
import { startRemote } from '../demo/remote.ts'
import { demoText } from '../demo/text.ts'

export const demo: Command = {
  name: 'demo',
  summary: 'Runs the gateway together with a second one that plays the remote IDM; prints what to type next.',
  options: {},
  notes: `Its files are made in ./demo at the first start. It listens on 127.0.0.1 only.

Environment:
  PORT        the port for HTTP; 0 takes a free one (default 8080)
  HTTPS_PORT  the port for HTTPS; 0 takes a free one (default 8443)
  LOG_LEVEL   trace, debug, info (default), warn, error or silent`,

  async run(_values, io) {
    const log = createLog({ level: logLevelOf(io.env) })
    const ports = { port: portOf(io.env, 'PORT', 8080), httpsPort: portOf(io.env, 'HTTPS_PORT', 8443) }
    const project = await openFolder(resolve(io.cwd, 'demo'))
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
    announce(gateway, project, io)
    await stopped
    return 0
  },
}

async function openFolder(dir: string): Promise<Project> {
  try {
    await mkdir(dir, { recursive: true })
  } catch (error) {
    throw startError(dir, error)
  }
  return openProject(dir)
}

async function startBeside(
  remote: Gateway,
  project: Project,
  ports: { readonly port: number; readonly httpsPort: number },
  log: HostLog,
): Promise<Gateway> {
  try {
    await writeInstance(project, Number(new URL(remote.origins[0] ?? '').port))
    const administratorPassword = new Secret('openidm-admin')
    return await Gateway.start({
      project,
      host: '127.0.0.1',
      ...ports,
      plugins: [packageRoot],
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
