import { pathToFileURL } from 'node:url'
import { CONTRACT_VERSION, type Disposable, type Logger, type PluginModule } from '../../contract.ts'
import { Scope } from '../../core/scope.ts'
import { reasonOf, StartError } from '../project/start-error.ts'
import { type Manifest, type PluginFolder, readPluginFolder } from './manifest.ts'
import { createPluginContext, type HostParts } from './plugin-context.ts'

/** A plugin in force. */
export interface ActivePlugin extends Disposable {
  readonly manifest: Manifest
}

export interface HostOptions extends HostParts {
  /** A logger of the plugin's own. */
  readonly logOf: (pluginId: string) => Logger
}

/** Loads plugins from folders by `plugin.json`. It knows none of them: they meet in contract.ts only. */
export class PluginHost implements Disposable {
  readonly #options: HostOptions
  readonly #scope: Scope
  readonly #active: ActivePlugin[] = []
  /** Of the active ones, and of the one that is being activated: it gets its configuration meanwhile. */
  readonly #manifests = new Set<Manifest>()

  constructor(options: HostOptions) {
    this.#options = options
    this.#scope = new Scope(options.log)
  }

  get plugins(): readonly ActivePlugin[] {
    return this.#active
  }

  /** JSON pointers to what nobody may see in configuration objects of `factoryPid`, as its plugin says. */
  secretFields(factoryPid: string): string[] {
    return this.#contributed(factoryPid).flatMap(({ secretFields }) => secretFields)
  }

  /** Those that say where these secrets are sent. */
  addressFields(factoryPid: string): string[] {
    return this.#contributed(factoryPid).flatMap(({ addressFields }) => addressFields)
  }

  #contributed(factoryPid: string): Manifest['contributes']['configuration'] {
    const all = [...this.#manifests].flatMap(({ contributes }) => contributes.configuration)
    return all.filter((entry) => entry.factoryPid === factoryPid)
  }

  /**
   * Activates the plugins of `dirs`: one that needs another's service comes after it, else in the order given.
   * @throws StartError that names every fault of every plugin that could not be activated
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

  /** Deactivates all, last in, first out. */
  async dispose(): Promise<void> {
    await this.#scope.dispose()
  }

  #faultsOf({ contractVersion, requires, contributes }: Manifest): string[] {
    const faults: string[] = []
    if (major(contractVersion) !== major(CONTRACT_VERSION)) {
      faults.push(`it is made for contract version ${contractVersion}, this host has ${CONTRACT_VERSION}`)
    }
    const missing = requires.filter((id) => !this.#options.services.has(id))
    if (missing.length > 0) faults.push(`it needs services that nobody provides: ${missing.join(', ')}`)
    const open = contributes.routers.filter(({ mount }) => this.#options.mounts[mount]?.authenticated !== true)
    for (const { mount, path } of open) {
      faults.push(`its router ${mount}/${path} needs authentication, which this host does not put before ${mount}`)
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
      if (missing.length > 0) throw new Error(`it did not provide what plugin.json promises: ${missing.join(', ')}`)
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
      if (taken.has(folder.manifest.id)) throw new Error(`${dir}: there is a plugin ${folder.manifest.id} already`)
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
