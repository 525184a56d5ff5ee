import { pathToFileURL } from 'node:url'
import { CONTRACT_VERSION, type Disposable, type Logger, type PluginModule } from '../../contract.ts'
import { Scope } from '../../core/scope.ts'
import { reasonOf, StartError } from '../project/start-error.ts'
import { type Manifest, type PluginFolder, readPluginFolder } from './manifest.ts'
import { createPluginContext, type PluginContextOptions } from './plugin-context.ts'

/** An active plugin. */
export interface ActivePlugin extends Disposable {
  readonly manifest: Manifest
}

export interface HostOptions extends PluginContextOptions {
  /** The logger of a plugin. */
  readonly logOf: (pluginId: string) => Logger
}

/** Loads plugins from folders with a `plugin.json`. Host and plugins share contract.ts only. */
export class PluginHost implements Disposable {
  readonly #options: HostOptions
  readonly #scope: Scope
  readonly #active: ActivePlugin[] = []
  /** Manifests of active plugins and of the one being activated, which reads its configuration during activation. */
  readonly #manifests = new Set<Manifest>()

  constructor(options: HostOptions) {
    this.#options = options
    this.#scope = new Scope(options.log)
  }

  get plugins(): readonly ActivePlugin[] {
    return this.#active
  }

  /** JSON pointers to secret fields in configuration objects of `factoryPid`, as declared by its plugin. */
  secretFields(factoryPid: string): string[] {
    return this.#contributed(factoryPid).flatMap(({ secretFields }) => secretFields)
  }

  /** JSON pointers to the addresses that these secrets are sent to. */
  addressFields(factoryPid: string): string[] {
    return this.#contributed(factoryPid).flatMap(({ addressFields }) => addressFields)
  }

  #contributed(factoryPid: string): Manifest['contributes']['configuration'] {
    const all = [...this.#manifests].flatMap(({ contributes }) => contributes.configuration)
    return all.filter((entry) => entry.factoryPid === factoryPid)
  }

  /**
   * Activates the plugins of `dirs` in the given order, except that a plugin follows the providers of the services it
   * requires.
   * @throws StartError with all faults of all plugins that could not be activated
   */
  async load(dirs: readonly string[]): Promise<void> {
    let waiting = readFolders(dirs, this.#active)
    for (;;) {
      const next = waiting.find((folder) => this.#faultsOf(folder.manifest).length === 0)
      if (!next) break
      waiting = waiting.filter((folder) => folder !== next)
      await this.#activate(next)
    }
    if (waiting.length === 0) return
    throw new StartError(
      waiting.map((folder) => notActivated(folder, this.#faultsOf(folder.manifest).join('; '))).join('\n'),
    )
  }

  /** Deactivates all plugins in reverse order. */
  async dispose(): Promise<void> {
    await this.#scope.dispose()
  }

  #faultsOf({ contractVersion, requires, contributes }: Manifest): string[] {
    const faults: string[] = []
    if (major(contractVersion) !== major(CONTRACT_VERSION)) {
      faults.push(`it requires contract version ${contractVersion}, this host has ${CONTRACT_VERSION}`)
    }
    const missing = requires.filter((id) => !this.#options.services.has(id))
    if (missing.length > 0) faults.push(`it requires services that are not provided: ${missing.join(', ')}`)
    const open = contributes.routers.filter(({ mount }) => this.#options.mounts[mount]?.authenticated !== true)
    for (const { mount, path } of open) {
      faults.push(`its router ${mount}/${path} requires authentication, which this host does not enforce on ${mount}`)
    }
    return faults
  }

  async #activate(folder: PluginFolder): Promise<void> {
    const { manifest } = folder
    const log = this.#options.logOf(manifest.id)
    const scope = new Scope(log)
    this.#manifests.add(manifest)
    try {
      const module = await importPlugin(folder.entry)
      await module.activate(createPluginContext(manifest, this.#options, log, scope))
      const missing = manifest.provides.filter((id) => !this.#options.services.has(id))
      if (missing.length > 0)
        throw new Error(`it did not provide services declared in plugin.json: ${missing.join(', ')}`)
      scope.defer('deactivate', () => module.deactivate?.())
    } catch (error) {
      this.#manifests.delete(manifest)
      await scope.dispose()
      throw new StartError(notActivated(folder, reasonOf(error)), { cause: error })
    }
    this.#active.push({ manifest, dispose: () => scope.dispose() })
    this.#scope.own(`plugin ${manifest.id}`, scope)
    log.info({ version: manifest.version, dir: folder.dir }, 'plugin activated')
  }
}

const major = (version: string): string => version.split('.')[0] ?? ''

const notActivated = ({ dir, manifest }: PluginFolder, why: string): string =>
  `plugin ${manifest.id} (${dir}) was not activated: ${why}`

function readFolders(dirs: readonly string[], active: readonly ActivePlugin[]): PluginFolder[] {
  const faults: string[] = []
  const folders: PluginFolder[] = []
  const taken = new Set(active.map(({ manifest }) => manifest.id))
  for (const dir of dirs) {
    try {
      const folder = readPluginFolder(dir)
      if (taken.has(folder.manifest.id)) throw new Error(`${dir}: a plugin ${folder.manifest.id} is already loaded`)
      taken.add(folder.manifest.id)
      folders.push(folder)
    } catch (error) {
      faults.push(reasonOf(error))
    }
  }
  if (faults.length > 0) throw new StartError(faults.join('\n'))
  return folders
}

async function importPlugin(entry: string): Promise<PluginModule> {
  const module: Partial<PluginModule> = await import(pathToFileURL(entry).href)
  if (typeof module.activate !== 'function') throw new Error(`${entry} exports no function activate(context)`)
  return module as PluginModule
}
