import { join, resolve } from 'node:path'
import { ConfiguredObjects } from '../config/files/configured-objects.ts'
import { describeFileFaults } from '../config/files/fault.ts'
import { configurationService, type JsonObject, type Logger } from '../contract.ts'
import { Scope } from '../core/scope.ts'
import { type Connection, connect, registryOf } from '../crest/protocol/connection.ts'
import { ResourceRouter, resourcesService } from '../crest/protocol/router.ts'
import { HostConfiguration } from '../gateway/configuration/host-configuration.ts'
import { defaultManaged } from '../gateway/managed/defaults.ts'
import { MANAGED_LIST, typeFaults } from '../gateway/managed/managed.ts'
import { PluginHost } from '../gateway/plugins/host.ts'
import { PluginRouters } from '../gateway/plugins/plugin-routers.ts'
import { ServiceRegistry } from '../gateway/plugins/services.ts'
import { createLog } from '../gateway/project/log.ts'
import { packageRoot } from '../gateway/project/package-info.ts'
import { existingDirectory, type Project, projectOfConf } from '../gateway/project/project.ts'
import { judgeSchedule } from '../gateway/schedules/jobs.ts'
import { hiddenPropertiesAskedFor, inlineScripts, scriptTexts } from '../gateway/scripts/requirements.ts'
import { Scripting } from '../gateway/scripts/scripts.ts'
import { type FaultyMapping, MappingRegistry } from '../sync/mapping/registry.ts'
import { type CommandIo, UsageError } from './command.ts'
import { columnsOf, json, table } from './text.ts'

export interface CheckOptions {
  readonly conf?: string
  readonly project?: string
  readonly json?: boolean
}

/** Exit status 0: all enabled instances and all files are well; 1: one is not, or there is no instance. */
export async function check(options: CheckOptions, { stdout, stderr, cwd, env }: CommandIo): Promise<number> {
  const { reports, faulty, faults, notices } = await findings(await confOf(options, cwd), env)
  for (const notice of notices) stderr.write(`${notice}\n`)
  const others = [
    ...faulty.map(({ name, fault }) => reportOf(`mapping/${name}`, fault)),
    ...faults.map((fault) => reportOf(fault.slice(0, fault.indexOf(':')), fault)),
  ]
  const all = [...reports, ...others]
  const messages = others.flatMap(({ steps }) => steps.map(({ message }) => `${message}\n`))
  const text = () => [instanceTable(reports, columnsOf(stdout)), ...messages].join(messages.length > 0 ? '\n' : '')
  stdout.write(options.json ? json(all) : text())
  return reports.length > 0 && all.every(({ ok, enabled }) => ok || !enabled) ? 0 : 1
}

async function confOf({ conf, project }: CheckOptions, cwd: string): Promise<string> {
  if (conf !== undefined) return resolve(cwd, conf)
  if (project !== undefined) return join(await existingDirectory(resolve(cwd, project)), 'conf')
  throw new UsageError('no directory is named: give --project <dir> or --conf <dir>')
}

/** The outcome of one instance: the answer to the action `test`. */
export interface Report {
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
export function instanceTable(reports: readonly Report[], width: number | undefined): string {
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
  /** Of the other files, one sentence for each. */
  readonly faults: readonly string[]
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
    const { faulty, faults } = await judge(scope, configuration, project, log)
    const notices = noticesOf(configuration, project)
    return { reports: await ask(connect(router, {})), faulty, faults, notices }
  } finally {
    await scope.dispose()
  }
}

/** Judges what a gateway would serve and do, and does none of it. */
async function judge(
  scope: Scope,
  { directory: configuration, resolver }: HostConfiguration,
  project: Project,
  log: Logger,
): Promise<Pick<Findings, 'faulty' | 'faults'>> {
  const router = new ResourceRouter()
  const scripting = scope.own('scripts', new Scripting({ router, project, configuration, resolver, log }))
  await scripting.start()
  const { engine } = scripting
  const mappings = scope.own('mappings', new MappingRegistry(log, { compiler: engine }))
  await mappings.follow(configuration)
  const types: ConfiguredObjects<string> = new ConfiguredObjects<string>({
    factoryPid: 'managed',
    list: MANAGED_LIST,
    absent: defaultManaged as JsonObject,
    validate: (entry) => typeFaults(entry, engine),
    provision: ({ content }) => String(MANAGED_LIST.keyOf(content)),
    swap: (name) => void (name && router.add(`managed/${name}`, {})),
    log,
  })
  const schedules = new ConfiguredObjects<object>({
    factoryPid: 'schedule',
    validate: (entry) => judgeSchedule(entry.content, entry.object.id, engine),
    provision: () => ({}),
    log,
  })
  for (const consumer of [types, schedules])
    scope.own(`judgement of ${consumer.factoryPid}`, await configuration.subscribe(consumer))
  await scripting.serveEndpoints()
  // Instances and mappings have reports of their own.
  const others = [...configuration.faults().values()].filter(
    ([fault]) => !/^(?:external\.idm|mapping)-/.test(fault?.file ?? '') && fault?.pointer[0] !== 'mappings',
  )
  return { faulty: mappings.faulty(), faults: others.map(describeFileFaults) }
}

const reportOf = (name: string, message: string): Report => ({
  name,
  enabled: true,
  ok: false,
  steps: [{ step: 'configuration', ok: false, message }],
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
