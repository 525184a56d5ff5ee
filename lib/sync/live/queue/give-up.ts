import type { JsonObject, Logger } from '../../../contract.ts'
import type { QueuedEvent } from '../../../repo/queue/event.ts'
import type { ConfiguredMapping } from '../../mapping/registry.ts'
import { runScript, type Scripts } from '../../mapping/scripts.ts'
import type { SyncCause } from '../change.ts'

/** `done`: it is forgotten. */
export type End = 'done' | 'dead'

/**
 * Does what the mapping says about an event whose retries are used up. A script gets `syncFailure` and `failureCause`; when
 * its result is "dead-letter-queue", or it fails, the event becomes a dead letter.
 */
export async function giveUp(
  { mapping }: ConfiguredMapping,
  event: QueuedEvent,
  cause: SyncCause,
  { scripts, log }: { readonly scripts: Scripts; readonly log: Logger },
): Promise<End> {
  const action = mapping.queuedSync?.postRetryAction ?? 'dead-letter-queue'
  const { id, collection, resourceId } = event
  const facts = { mapping: mapping.name, event: id, source: `${collection}/${resourceId}`, reason: cause.message }
  if (action === 'logged-ignore') {
    log.warn(facts, 'a queued change could not be carried over, and is dropped (logged-ignore)')
    return 'done'
  }
  if (action === 'dead-letter-queue') {
    log.error(facts, 'a queued change could not be carried over: it is a dead letter now (queue dead)')
    return 'dead'
  }
  try {
    const { value } = await runScript(scripts, action, variables(event, cause))
    return value === 'dead-letter-queue' ? 'dead' : 'done'
  } catch (error) {
    log.error({ ...facts, err: error }, 'the script postRetryAction failed: the queued change is a dead letter now')
    return 'dead'
  }
}

function variables(event: QueuedEvent, { code, reason, message }: SyncCause): JsonObject {
  const { mapping, collection, resourceId, action, objectRev, oldObject, newObject } = event
  const failureCause = { code, reason, message }
  return {
    syncFailure: {
      ...{ mapping, resourceCollection: collection, resourceId, syncAction: action, objectRev },
      ...{ oldObject, newObject, failureCause },
    },
    failureCause,
  }
}
