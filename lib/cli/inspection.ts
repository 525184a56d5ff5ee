/** What a gateway on a project would not take over, found without serving, asking or writing anything. */
import { ConfiguredObjects } from '../config/files/configured-objects.ts'
import {
  type ConfigurationFault,
  type ConfigurationFileFault,
  configurationService,
  type JsonObject,
  type Logger,
} from '../contract.ts'
import { Scope } from '../core/scope.ts'
import { type Connection, connect, registryOf } from '../crest/protocol/connection.ts'
import { ResourceRouter, resourcesService } from '../crest/protocol/router.ts'
import { acceptanceOf } from '../gateway/configuration/acceptance-of.ts'
import { HostConfiguration } from '../gateway/configuration/host-configuration.ts'
import { defaultManaged } from '../gateway/managed/defaults.ts'
import { judgeType, MANAGED_LIST, typeFaults } from '../gateway/managed/managed.ts'
import { PluginHost } from '../gateway/plugins/host.ts'
import { PluginRouters } from '../gateway/plugins/plugin-routers.ts'
import { ServiceRegistry } from '../gateway/plugins/services.ts'
import type { Acceptance } from '../gateway/project/acceptance.ts'
import { createLog } from '../gateway/project/log.ts'
import { packageRoot } from '../gateway/project/package-info.ts'
import type { Project } from '../gateway/project/project.ts'
import { judgeSchedule } from '../gateway/schedules/jobs.ts'
import { heldNotices, scheduleNotices } from '../gateway/schedules/schedule.ts'
import { hiddenPropertiesAskedFor, inlineScripts, scriptTexts } from '../gateway/scripts/requirements.ts'
import { Scripting } from '../gateway/scripts/scripts.ts'
import { type FaultyMapping, MappingRegistry } from '../sync/mapping/registry.ts'

export interface Inspection {
  /** What is wrong, by the name of the file. */
  readonly faults: ReadonlyMap<string, readonly ConfigurationFileFault[]>
  /** What has no effect although nothing is wrong with it. */
  readonly notices: readonly ConfigurationFileFault[]
  /** The files that nothing here reads. */
  readonly unused: readonly string[]
  readonly faulty: readonly FaultyMapping[]
  readonly acceptance: Acceptance
  /** To the instances. */
  readonly connection: Connection
}

/** Runs the plugin without a listener, judges everything else, and hands what it found to `work`. */
export async function inspect<T>(
  project: Project,
  env: NodeJS.ProcessEnv,
  work: (inspection: Inspection) => Promise<T>,
): Promise<T> {
  const log = createLog({ level: 'silent' })
  const scope = new Scope(log)
  const router = new ResourceRouter()
  const services = new ServiceRegistry()
  try {
    // A secret that is bound to its place decrypts only when the plugin's fields are known.
    const secretFields = (pid: string) => host.secretFields(pid)
    const addressFields = (pid: string) => host.addressFields(pid)
    const options = { project, env, log, secretFields, addressFields }
    const configuration = scope.own('configuration', new HostConfiguration(options))
    const { directory } = configuration
    services.provide(configurationService, directory)
    services.provide(resourcesService, registryOf(router))
    const mounts = { '/openidm': { authenticated: true, routers: new PluginRouters() } }
    const confDir = project.conf
    const host = scope.own('plugins', new PluginHost({ confDir, log, services, mounts, logOf: () => log }))
    await configuration.start()
    await host.load([packageRoot])
    const acceptance = acceptanceOf(project, configuration, log)
    const faulty = await judge(scope, configuration, acceptance, project, log)
    return await work({
      faults: directory.faults(),
      notices: [...directory.notices(), ...hiddenProperties(configuration, project)],
      unused: directory.unused(),
      faulty,
      acceptance,
      connection: connect(router, {}),
    })
  } finally {
    await scope.dispose()
  }
}

/** Judges what a gateway would serve and do. */
async function judge(
  scope: Scope,
  { directory: configuration, resolver }: HostConfiguration,
  acceptance: Acceptance,
  project: Project,
  log: Logger,
): Promise<readonly FaultyMapping[]> {
  const router = new ResourceRouter()
  const scripting = scope.own('scripts', new Scripting({ router, project, configuration, resolver, log }))
  await scripting.start()
  const { engine } = scripting
  const isHeld = (mapping: string) => acceptance.isMappingHeld(mapping)
  const mappings = scope.own('mappings', new MappingRegistry(log, { compiler: engine, isHeld }))
  await mappings.follow(configuration)
  interface Judged {
    readonly name?: string
    readonly notices: readonly ConfigurationFault[]
  }
  const types = new ConfiguredObjects<Judged>({
    factoryPid: 'managed',
    list: MANAGED_LIST,
    absent: defaultManaged as JsonObject,
    validate: (entry) => typeFaults(entry, engine),
    provision: ({ content }) => judgeType(content, engine),
    swap: (next) => void (next?.name && router.add(`managed/${next.name}`, {})),
    consequence: 'what depends on it is refused with 503',
    notices: (_entry, { notices }) => notices,
    log,
  })
  const schedules = new ConfiguredObjects<Judged>({
    factoryPid: 'schedule',
    validate: ({ content, object }) => judgeSchedule(content, object.id, engine),
    provision: ({ content, object: { id, alias } }) => {
      const isHeld = acceptance.isHeld(alias ?? id)
      const held = isHeld ? heldNotices(content, (name) => mappings.find(name)?.mapping) : []
      return { notices: [...scheduleNotices(content), ...held] }
    },
    notices: (_entry, { notices }) => notices,
    log,
  })
  for (const consumer of [types, schedules])
    scope.own(`judgement of ${consumer.factoryPid}`, await configuration.subscribe(consumer))
  await scripting.serveEndpoints()
  return mappings.faulty()
}

function hiddenProperties(
  { directory, resolver }: HostConfiguration,
  { script }: Project,
): readonly ConfigurationFileFault[] {
  const objects = directory.objects().flatMap(({ raw }) => raw ?? [])
  const visible = directory.find('script')?.raw?.visibleProperties
  const names = Array.isArray(visible) ? visible.map(String) : []
  const texts = [...scriptTexts(script), ...objects.flatMap((content) => [...inlineScripts(content)])]
  const hidden = hiddenPropertiesAskedFor(texts, resolver.sources, names)
  if (hidden.length === 0) return []
  const reason = `scripts ask for properties that are hidden from them: ${hidden.join(', ')}`
  return [{ file: 'script.json', pointer: ['visibleProperties'], reason, cure: 'name them there' }]
}
