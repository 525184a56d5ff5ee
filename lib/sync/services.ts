import type { Logger } from '../contract.ts'
import type { RequestContext } from '../crest/protocol/request.ts'
import type { ResourceRegistry } from '../crest/protocol/router.ts'
import type { Repository } from '../repo/repository.ts'
import type { ScriptService } from '../script/main/engine.ts'
import type { RunServices } from './context/run-context.ts'
import type { ScriptRunner } from './mapping/scripts.ts'
import type { DigestSources } from './plan/digest.ts'
import type { InstanceAddresses } from './plan/instance-addresses.ts'

export interface ServicesOptions {
  readonly repository: Repository
  /** What mappings read and write. */
  readonly resources: Omit<ResourceRegistry, 'add'>
  readonly runner: ScriptRunner
  readonly log: Logger
}

/** What runs need, in the process that coordinates them and in those that share their work. */
export function runServices({ repository, resources, runner, log }: ServicesOptions) {
  const stores = {
    ...{ runs: repository.runs(), links: repository.links(), incremental: repository.incremental() },
    ...{ sentValues: repository.sentValues(), agreements: repository.agreements(), events: repository.events() },
  }
  const access = {
    connection: resources.connect(),
    // For the reads of an analysis: scripts that they trigger write nothing.
    dryConnection: resources.connectDry(),
    timed: (isDry: boolean, onDate: (time: number) => void) =>
      isDry ? resources.connectDry({ onDate }) : resources.connect({ onDate }),
    replay: resources.replay,
  }
  const accessOf = (caller: RequestContext) => ({
    connection: resources.connect(caller),
    scripts: runner.within(caller),
  })
  return { ...stores, ...access, accessOf, scripts: runner, log } satisfies RunServices & { accessOf: unknown }
}

export const digestSources = (scripts: ScriptService | undefined, addresses: InstanceAddresses): DigestSources => ({
  filesOf: async (script) => (scripts ? scripts.filesOf(script) : new Map()),
  addressOf: (instance) => addresses.addressOf(instance),
})
