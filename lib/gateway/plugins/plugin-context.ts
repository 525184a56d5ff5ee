import type { Disposable, Logger, Mount, PluginContext, RouterFactory, ServiceRef } from '../../contract.ts'
import type { Scope } from '../../core/scope.ts'
import type { Manifest } from './manifest.ts'
import type { OpenRouters, PluginRouters } from './plugin-routers.ts'
import type { ServiceRegistry } from './services.ts'

/** A mount that plugins can register routers on. */
export interface HostMount {
  /** Whether authentication and access rules precede the routers. */
  readonly authenticated: boolean
  readonly routers: PluginRouters
  /** Precede the authentication. Absent: the host has none. */
  readonly openRouters?: OpenRouters
}

/** Host objects available to plugins. */
export interface PluginContextOptions {
  readonly confDir: string
  readonly log: Logger
  readonly services: ServiceRegistry
  readonly mounts: Readonly<Partial<Record<Mount, HostMount>>>
}

/** Creates the context of one plugin. Permits only what its manifest declares; `scope` owns all registrations. */
export function createPluginContext(
  manifest: Manifest,
  host: PluginContextOptions,
  log: Logger,
  scope: Scope,
): PluginContext {
  return {
    id: manifest.id,
    confDir: host.confDir,
    log,
    signal: scope.signal,
    service: (ref) => requiredService(manifest, host.services, ref),
    optionalService: (ref) => {
      checkDeclared(ref.id, [...manifest.requires, ...manifest.optional], 'requires or optional')
      return host.services.get(ref)
    },
    provide: (ref, implementation) => {
      checkDeclared(ref.id, manifest.provides, 'provides')
      return owned(scope, `service ${ref.id}`, host.services.provide(ref, implementation))
    },
    authenticates: (mount) => host.mounts[mount]?.authenticated === true,
    registerRouter: (mount, factory) =>
      owned(scope, `router on ${mount}`, addRouter(manifest, host.mounts[mount], mount, factory)),
    defer: (label, cleanUp) => scope.defer(label, cleanUp),
  }
}

function requiredService<T>(manifest: Manifest, services: ServiceRegistry, ref: ServiceRef<T>): T {
  checkDeclared(ref.id, [...manifest.requires, ...manifest.optional], 'requires or optional')
  const service = services.get(ref)
  if (service === undefined) throw new Error(`the service ${ref.id} is not provided`)
  return service
}

function addRouter(
  manifest: Manifest,
  target: HostMount | undefined,
  mount: Mount,
  factory: RouterFactory,
): Disposable {
  const declared = manifest.contributes.routers.filter((router) => router.mount === mount)
  checkDeclared(
    mount,
    declared.map((router) => router.mount),
    'contributes.routers',
  )
  if (!target) throw new Error(`this host has no mount ${mount}`)
  const open = declared.filter(({ authentication }) => authentication === 'none')
  if (open.length === 0) return target.routers.add(factory())
  const { openRouters } = target
  if (!openRouters) throw new Error(`this host serves nothing on ${mount} without a login`)
  const handler = factory()
  const entries = open.map(({ path }) => openRouters.add(path, handler))
  return { dispose: () => entries.forEach((entry) => void entry.dispose()) }
}

function checkDeclared(name: string, declared: readonly string[], where: string): void {
  if (declared.includes(name)) return
  throw new Error(
    `${name} is not declared under ${where} in plugin.json (declared: ${declared.join(', ') || 'nothing'})`,
  )
}

/** Makes disposal by holder and scope idempotent. */
function owned(scope: Scope, label: string, resource: Disposable): Disposable {
  let done = false
  const once: Disposable = {
    dispose: () => {
      if (done) return
      done = true
      return resource.dispose()
    },
  }
  return scope.own(label, once)
}
