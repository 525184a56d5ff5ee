import { join, resolve } from 'node:path'
import { configurationService, type JsonObject } from '../contract.ts'
import { Scope } from '../core/scope.ts'
import { type Connection, connect, registryOf } from '../crest/protocol/connection.ts'
import type { RequestContext } from '../crest/protocol/request.ts'
import { ResourceRouter, resourcesService } from '../crest/protocol/router.ts'
import { HostConfiguration } from '../gateway/configuration/host-configuration.ts'
import { PluginHost } from '../gateway/plugins/host.ts'
import { PluginRouters } from '../gateway/plugins/plugin-routers.ts'
import { ServiceRegistry } from '../gateway/plugins/services.ts'
import { createLog } from '../gateway/project/log.ts'
import { packageRoot } from '../gateway/project/package-info.ts'
import { existingDirectory, type Project, projectOfConf } from '../gateway/project/project.ts'
import { Setting } from '../gateway/project/setting.ts'
import { hiddenPropertiesAskedFor, inlineScripts, scriptTexts } from '../gateway/scripts/requirements.ts'
import { ScriptEngine } from '../script/main/engine.ts'
import { engineSettings, scriptSettingsSchema } from '../script/main/settings.ts'
import { type FaultyMapping, MappingRegistry } from '../sync/mapping/registry.ts'
import { type CommandIo, UsageError } from './command.ts'
import { columnsOf, json, table } from './text.ts'

export interface CheckOptions {
  readonly conf?: string
  readonly project?: string
  readonly json?: boolean
}

/** Exit status 0: all enabled instances and all mappings are well; 1: one is not, or there is no instance. */
export async function check(options: CheckOptions, { stdout, stderr, cwd, env }: CommandIo): Promise<number> {
  const { reports, faulty, notices } = await findings(await confOf(options, cwd), env)
  for (const notice of notices) stderr.write(`${notice}\n`)
  const all = [...reports, ...faulty.map(reportOf)]
  const text = () => [instanceTable(reports, columnsOf(stdout)), ...faulty.map(({ fault }) => `${fault}\n`)]
  stdout.write(options.json ? json(all) : text().join(faulty.length > 0 ? '\n' : ''))
  return reports.length > 0 && all.every(({ ok, enabled }) => ok || !enabled) ? 0 : 1
}

async function confOf({ conf, project }: CheckOptions, cwd: string): Promise<string> {
  if (conf !== undefined) return resolve(cwd, conf)
  if (project !== undefined) return join(await existingDirectory(resolve(cwd, project)), 'conf')
  throw new UsageError('no directory is named: give --project <dir> or --conf <dir>')
}

/** The outcome of one instance: the answer to the action `test`. */
interface Report {
  readonly name: string
  readonly enabled: boolean
  readonly ok: boolean
  readonly steps: readonly {
    readonly step: string
    readonly ok: boolean | null
    readonly message: string
    readonly cure?: string
    readonly chain?: readonly string[]
  }[]
}

const NONE = 'There is no instance: put a file external.idm-NAME.json into the directory.\n'

/** One row for each step; below it the certificates that were presented, and what to do. */
function instanceTable(reports: readonly Report[], width: number | undefined): string {
  if (reports.length === 0) return NONE
  const rows = reports.flatMap(({ name, steps }) =>
    steps.flatMap(({ step, ok, message, cure, chain = [] }) => [
      [name, step, resultOf(ok), message],
      ...chain.map((certificate) => ['', '', '', `presented: ${certificate}`]),
      ...(cure === undefined ? [] : [`  do: ${cure}`]),
    ]),
  )
  const well = reports.filter(({ ok }) => ok).length
  const text = table([['INSTANCE', 'STEP', 'RESULT', ''], ...rows], { width })
  return `${text}\n${well} of ${reports.length} instances well\n`
}

function resultOf(ok: boolean | null): string {
  if (ok === null) return '-'
  return ok ? 'ok' : 'FAILED'
}

interface Findings {
  readonly reports: readonly Report[]
  readonly faulty: readonly FaultyMapping[]
  /** Settings without effect, and the like. */
  readonly notices: readonly string[]
}

/** Runs the plugin without a listener and tests each instance; reads the mappings and compiles their scripts. */
async function findings(conf: string, env: NodeJS.ProcessEnv): Promise<Findings> {
  const log = createLog({ level: 'silent' })
  const scope = new Scope(log)
  const router = new ResourceRouter()
  const services = new ServiceRegistry()
  try {
    const project = projectOfConf(conf)
    // A secret that is bound to its place decrypts only when the plugin's fields are known.
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
    scope.own('script.json', await directory.subscribe(settings))
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
    `scripts ask for properties that are hidden from them: ${hidden.join(', ')}; name them in "visibleProperties" of script.json`,
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
