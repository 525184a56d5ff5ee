import type { Disposable } from '../contract.ts'
import { Scope } from '../core/scope.ts'
import type { MappingRegistry } from './mapping/registry.ts'
import { noScripts, scriptRunner } from './mapping/scripts.ts'
import { InstanceAddresses } from './plan/instance-addresses.ts'
import { digestSources, runServices } from './services.ts'
import { RunParticipant } from './share/participant.ts'
import type { SynchronizationOptions } from './synchronization.ts'

export interface ParticipationOptions
  extends Pick<SynchronizationOptions, 'repository' | 'configuration' | 'resources' | 'scripts' | 'log'> {
  /** Those in force in this process. */
  readonly mappings: MappingRegistry
}

/** Lets this process share the work of runs that another one coordinates: tasks come through `answer`. */
export async function startParticipation(
  options: ParticipationOptions,
): Promise<Pick<RunParticipant, 'answer'> & Disposable> {
  const { configuration, scripts, mappings, log } = options
  const scope = new Scope(log)
  try {
    const addresses = new InstanceAddresses()
    scope.own('addresses of instances', await configuration.subscribe(addresses))
    const services = runServices({ ...options, runner: scripts ? scriptRunner(scripts) : noScripts })
    const digests = digestSources(scripts, addresses)
    const participant = scope.own('shared runs', new RunParticipant({ services, mappings, digests, log }))
    return { answer: (text, signal) => participant.answer(text, signal), dispose: () => scope.dispose() }
  } catch (error) {
    await scope.dispose()
    throw error
  }
}
