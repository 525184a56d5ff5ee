import { isDeepStrictEqual } from 'node:util'
import { getAt } from '../../crest/pointer.ts'
import type { RequestContext } from '../../crest/protocol/request.ts'
import { normalizePath } from '../../crest/protocol/resource-path.ts'
import type { NewEvent } from '../../repo/queue/event.ts'
import { HELD_CURE, livenessOf } from '../mapping/liveness.ts'
import { remoteSourceOf } from '../mapping/path.ts'
import type { ConfiguredMapping, MappingRegistry } from '../mapping/registry.ts'
import { callerOf } from '../runs/execution.ts'
import type { Change } from './change.ts'

/** `off`: nothing happens unless somebody reconciles; `held`: until somebody has accepted it. */
export type LiveState = 'live' | 'held' | 'off'

/** Whether a mapping of this name waits to be accepted: nothing is carried over by itself meanwhile. */
export type IsHeld = (mapping: string) => boolean

export interface LiveMappingsOptions {
  readonly mappings: Pick<MappingRegistry, 'all' | 'from'>
  readonly isHeld?: IsHeld | undefined
}

/** The mappings that changes of a source object concern. It serves processes that carry nothing out, too. */
export class LiveMappings {
  readonly #mappings: LiveMappingsOptions['mappings']
  readonly #isHeld: IsHeld

  constructor({ mappings, isHeld = () => false }: LiveMappingsOptions) {
    this.#mappings = mappings
    this.#isHeld = isHeld
  }

  /**
   * Whether changes of `collection` concern any mapping: false = no change needs to be made out. Asked for each write.
   * @param collection in its normal form
   */
  concerns(collection: string): boolean {
    return this.#live(collection).length > 0
  }

  /** The mappings in force that the change concerns, in processing order, with or without queue. */
  mappingsFor(change: Change): readonly ConfiguredMapping[] {
    return this.#live(normalizePath(change.collection)).filter(({ mapping }) =>
      triggers(mapping.triggerSyncProperties, change),
    )
  }

  /**
   * What is stored in the transaction of the write: one event for each mapping with a queue and, of a change with a claim, one
   * for each of the others.
   */
  eventsFor(change: Change, context: RequestContext): NewEvent[] {
    const { collection, resourceId, action, oldObject, newObject, claim } = change
    const { _rev: rev = null } = newObject ?? oldObject ?? {}
    return this.mappingsFor(change)
      .filter((mapping) => isQueued(mapping) || claim !== undefined)
      .map((configured) => ({
        mapping: configured.mapping.name,
        ...(!isQueued(configured) && { claim }),
        ...{ collection, resourceId, action, oldObject, newObject },
        objectRev: typeof rev === 'string' ? rev : null,
        chain: context.syncChain ?? [],
        transactionId: context.transactionId ?? null,
        userId: callerOf(context).name,
      }))
  }

  /** Whether changes are carried over in a mapping by themselves, whatever tells of them. */
  stateOf({ mapping, config }: ConfiguredMapping): LiveState {
    if (livenessOf(config).length === 0) return 'off'
    return this.#isHeld(mapping.name) ? 'held' : 'live'
  }

  /** One line for the log; undefined when no mapping carries changes over by itself. */
  get summary(): { readonly text: string; readonly isHeld: boolean } | undefined {
    const states = Map.groupBy(this.#mappings.all(), (configured) => this.stateOf(configured))
    const listOf = (state: LiveState) => states.get(state)?.map(printed).join(', ')
    const [live, held] = [listOf('live'), listOf('held')]
    if (live === undefined && held === undefined) return undefined
    const parts = [
      ...(live === undefined ? [] : [`mappings that carry changes over by themselves: ${live}`]),
      ...(held === undefined ? [] : [`held are: ${held}; ${HELD_CURE}`]),
    ]
    return { text: parts.join('; '), isHeld: held !== undefined }
  }

  #live(collection: string): readonly ConfiguredMapping[] {
    return this.#mappings.from(collection).filter(({ mapping }) => isLive(mapping) && !this.#isHeld(mapping.name))
  }
}

/** Where plans are approved, nothing is written without: changes wait for the next run. */
export const isLive = ({ enableSync, requireApproval }: ConfiguredMapping['mapping']): boolean =>
  enableSync === true && !requireApproval

/** Whether events of the mapping may come: captured changes never wait for a target. */
export const usesQueue = (configured: ConfiguredMapping): boolean =>
  isQueued(configured) || (configured.mapping.captureChanges && remoteSourceOf(configured.mapping.source) !== undefined)

export const isQueued = ({ mapping }: ConfiguredMapping): boolean => mapping.queuedSync?.enabled === true

/** `toEu (managed/user, queued)`. */
const printed = (configured: ConfiguredMapping): string =>
  `${configured.mapping.name} (${configured.mapping.source}${isQueued(configured) ? ', queued' : ''})`

/** Creations and deletions always do; so does an update whose former state is not known. */
function triggers(
  fields: ConfiguredMapping['mapping']['triggerSyncProperties'],
  { action, oldObject, newObject }: Change,
): boolean {
  if (fields.length === 0 || action !== 'update' || !oldObject || !newObject) return true
  // An object that is checked as it is.
  if (oldObject._rev !== undefined && oldObject._rev === newObject._rev) return true
  return fields.some((field) => !isDeepStrictEqual(getAt(oldObject, field) ?? null, getAt(newObject, field) ?? null))
}
