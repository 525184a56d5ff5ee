import type { RequestContext } from '../../crest/protocol/request.ts'
import type { ConfiguredMapping } from '../mapping/registry.ts'
import type { ReconServiceOptions } from '../runs/recon-service.ts'
import { type Change, NOTIFY_ACTIONS, type SyncDetail, type SyncResults } from './change.ts'
import { type IsHeld, isQueued, LiveMappings } from './live-mappings.ts'

export interface LiveSyncOptions {
  readonly parts: ReconServiceOptions
  readonly isHeld?: IsHeld | undefined
}

/** Implicit synchronization: carries changes of source objects over as they happen. */
export class LiveSync extends LiveMappings {
  constructor({ parts, isHeld }: LiveSyncOptions) {
    super({ mappings: parts.mappings, isHeld })
  }

  /**
   * Carries a change over in one mapping, by the present state of the source: a plan of one source. One at a time for
   * each mapping and object. Never rejects: failures are in the details.
   * @param context its `transactionId` and caller are audited; `syncChain` are the hops before this one
   */
  async carryOut(_mapping: ConfiguredMapping, _change: Change, _context: RequestContext): Promise<SyncDetail[]> {
    return []
  }

  /**
   * Implicit synchronization of a write that has been stored: the mappings without queue in their order, up to the first
   * that fails. Never rejects.
   */
  async synchronize(change: Change, context: RequestContext): Promise<SyncResults> {
    const syncDetails: SyncDetail[] = []
    let success = true
    for (const mapping of this.mappingsFor(change)) {
      if (isQueued(mapping)) continue
      const details = await this.carryOut(mapping, change, context)
      syncDetails.push(...details)
      success = details.every(({ result }) => result === 'SUCCESSFUL')
      if (!success) break
    }
    return { success, action: NOTIFY_ACTIONS[change.action], syncDetails }
  }
}
