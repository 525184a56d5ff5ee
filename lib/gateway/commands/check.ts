import { resolve } from 'node:path'
import { configurationService, type JsonObject } from '../../contract.ts'
import { type Connection, connect, registryOf } from '../../crest/connection.ts'
import { ResourceRouter, resourcesService } from '../../crest/router.ts'
import { Scope } from '../../util/scope.ts'
import type { Command } from '../command.ts'
import { PluginHost } from '../host.ts'
import { HostConfiguration } from '../host-configuration.ts'
import { createLog } from '../log.ts'
import { packageRoot } from '../package-info.ts'
import { PluginRouters } from '../plugin-routers.ts'
import { projectOfConf } from '../project.ts'
import { type Report, reportTable } from '../report-table.ts'
import { ServiceRegistry } from '../services.ts'

export const check: Command = {
  name: 'check',
  summary: 'Tests every remote instance of a configuration directory, step by step.',
  options: {
    conf: { value: 'DIR', description: 'the directory with the external.idm-NAME.json files' },
    json: { description: 'print the reports as JSON' },
  },
  notes: `Needs no running gateway. Each instance is tested as POST /openidm/external/idm/NAME?_action=test does it.
Exit status 0: every instance that is enabled is well; 1: one is not, or there is none.`,

  async run(values, { stdout, cwd, env }) {
    const reports = await reportsOf(resolve(cwd, values.required('conf')), env)
    stdout.write(values.flag('json') ? `${JSON.stringify(reports, null, 2)}\n` : reportTable(reports))
    return reports.length > 0 && reports.every(({ ok, enabled }) => ok || !enabled) ? 0 : 1
  },
}

/** Runs the plugin without any listener, and asks it. */
async function reportsOf(conf: string, env: NodeJS.ProcessEnv): Promise<Report[]> {
  const log = createLog({ level: 'silent' })
  const scope = new Scope(log)
  const router = new ResourceRouter()
  const services = new ServiceRegistry()
  try {
    const configuration = scope.own('configuration', new HostConfiguration({ project: projectOfConf(conf), env, log }))
    await configuration.start()
    services.provide(configurationService, configuration.directory)
    services.provide(resourcesService, registryOf(router))
    const mounts = { '/openidm': { authenticated: true, routers: new PluginRouters() } }
    const host = scope.own('plugins', new PluginHost({ confDir: conf, log, services, mounts, logOf: () => log }))
    await host.load([packageRoot])
    return await ask(connect(router, {}))
  } finally {
    await scope.dispose()
  }
}

async function ask(connection: Connection): Promise<Report[]> {
  const { result } = await connection.query('external/idm', { _queryFilter: 'true', _sortKeys: '_id' })
  return Promise.all(result.map((status) => test(connection, status)))
}

async function test(connection: Connection, status: JsonObject): Promise<Report> {
  const name = String(status._id)
  const answer: unknown = await connection.action(`external/idm/${name}`, 'test')
  return { ...(answer as Pick<Report, 'ok' | 'steps'>), name, enabled: status.enabled === true }
}
