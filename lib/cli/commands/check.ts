import { resolve } from 'node:path'
import { configurationService, type JsonObject } from '../../contract.ts'
import { Scope } from '../../core/scope.ts'
import { type Connection, connect, registryOf } from '../../crest/protocol/connection.ts'
import type { RequestContext } from '../../crest/protocol/request.ts'
import { ResourceRouter, resourcesService } from '../../crest/protocol/router.ts'
import { HostConfiguration } from '../../gateway/configuration/host-configuration.ts'
import { PluginHost } from '../../gateway/plugins/host.ts'
import { PluginRouters } from '../../gateway/plugins/plugin-routers.ts'
import { ServiceRegistry } from '../../gateway/plugins/services.ts'
import { createLog } from '../../gateway/project/log.ts'
import { packageRoot } from '../../gateway/project/package-info.ts'
import { type Project, projectOfConf } from '../../gateway/project/project.ts'
import { Setting } from '../../gateway/project/setting.ts'
import { hiddenPropertiesAskedFor, inlineScripts, scriptTexts } from '../../gateway/scripts/requirements.ts'
import { ScriptEngine } from '../../script/main/engine.ts'
import { engineSettings, scriptSettingsSchema } from '../../script/main/settings.ts'
import { type FaultyMapping, MappingRegistry } from '../../sync/mapping/registry.ts'
import type { Command } from '../command.ts'
import { type Report, reportTable } from '../report-table.ts'

export const check: Command = {
  name: 'check',
  summary: 'Tests every remote instance of a configuration directory, and names mappings with a fault.',
  options: {
    conf: { value: 'DIR', description: 'the directory with the external.idm-NAME.json files' },
    json: { description: 'print the reports as JSON' },
  },
  notes: `Needs no running gateway. Each instance is tested as POST /openidm/external/idm/NAME?_action=test does it.
Exit status 0: every instance that is enabled is well, and so is every mapping; 1: one is not, or there is no instance.`,

  async run(values, { stdout, stderr, cwd, env }) {
    const { reports, faulty, notices } = await findings(resolve(cwd, values.required('conf')), env)
    for (const notice of notices) stderr.write(`${notice}\n`)
    const all = [...reports, ...faulty.map(reportOf)]
    const faults = faulty.map(({ fault }) => fault)
    stdout.write(values.flag('json') ? `${JSON.stringify(all, null, 2)}\n` : reportTable(reports, faults))
    return reports.length > 0 && all.every(({ ok, enabled }) => ok || !enabled) ? 0 : 1
  },
}

interface Findings {
  readonly reports: readonly Report[]
  readonly faulty: readonly FaultyMapping[]
  /** What a person should know besides. */
  readonly notices: readonly string[]
}

/** Runs the plugin without any listener, and asks it; reads the mappings, and compiles their scripts. */
async function findings(conf: string, env: NodeJS.ProcessEnv): Promise<Findings> {
  const log = createLog({ level: 'silent' })
  const scope = new Scope(log)
  const router = new ResourceRouter()
  const services = new ServiceRegistry()
  try {
    const project = projectOfConf(conf)
    // What is bound to its place opens only where the plugin's fields are known.
    const secretFields = (pid: string) => host.secretFields(pid)
    const addressFields = (pid: string) => host.addressFields(pid)
    const options = { project, env, log, secretFields, addressFields }
    const configuration = scope.own('configuration', new HostConfiguration(options))
    services.provide(configurationService, configuration.directory)
    services.provide(resourcesService, registryOf(router))
    const mounts = { '/openidm': { authenticated: true, routers: new PluginRouters() } }
    const host = scope.own('plugins', new PluginHost({ confDir: conf, log, services, mounts, logOf: () => log }))
    await configuration.start()
    await host.load([packageRoot])
    const { directory } = configuration
    const settings = new Setting({ name: 'script', ...SCRIPT_SETTINGS, log })
    scope.own('script.json', await settings.follow(directory))
    const connectAs = (context: RequestContext) => connect(router, context)
    const engine = new ScriptEngine({ ...engineSettings(settings.value, project.dir), connect: connectAs, log })
    scope.own('script engine', engine)
    const mappings = scope.own('mappings', new MappingRegistry(log, { compiler: engine }))
    await mappings.follow(directory)
    const notices = noticesOf(configuration, project)
    return { reports: await ask(connectAs({})), faulty: mappings.faulty(), notices }
  } finally {
    await scope.dispose()
  }
}

const SCRIPT_SETTINGS = { schema: scriptSettingsSchema, absent: scriptSettingsSchema.parse({}) }

const reportOf = ({ name, fault }: FaultyMapping): Report => ({
  name: `mapping/${name}`,
  enabled: true,
  ok: false,
  steps: [{ step: 'configuration', ok: false, message: fault }],
})

function noticesOf({ notices, directory, resolver }: HostConfiguration, { script }: Project): string[] {
  const objects = directory.objects().flatMap(({ raw }) => raw ?? [])
  const visible = directory.find('script')?.raw?.visibleProperties
  const names = Array.isArray(visible) ? visible.map(String) : []
  const texts = [...scriptTexts(script), ...objects.flatMap((content) => [...inlineScripts(content)])]
  const hidden = hiddenPropertiesAskedFor(texts, resolver.sources, names)
  if (hidden.length === 0) return notices
  return [
    ...notices,
    `scripts ask for properties that they do not get: ${hidden.join(', ')}; name them in "visibleProperties" of script.json`,
  ]
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
