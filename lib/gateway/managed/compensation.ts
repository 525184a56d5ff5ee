import type { JsonObject } from '../../contract.ts'
import { conflict, toResourceException } from '../../crest/errors.ts'
import { type Connection, connect } from '../../crest/protocol/connection.ts'
import { childPath } from '../../crest/protocol/resource-path.ts'
import type { ResourceRouter } from '../../crest/protocol/router.ts'
import type { SyncResults } from '../../sync/live/change.ts'
import type { StoredChange, WriteCall } from './hooks.ts'
import type { ManagedType } from './type.ts'

/** The request parameter of a write that takes another one back. */
const COMPENSATING = { compensating: 'true' }

/**
 * Takes back a change that a mapping could not carry over: `compensate.js` of IDM. What was created is deleted, what was
 * changed is restored, what was deleted is created again; that synchronizes in turn, and is not taken back again.
 * @throws conflict with the message of the target
 */
export async function compensate(
  { type, router }: { readonly type: ManagedType; readonly router: ResourceRouter },
  change: StoredChange,
  { success, syncDetails }: SyncResults,
  { request, context }: WriteCall,
): Promise<void> {
  if (success || request.additionalParameters.compensating === COMPENSATING.compensating) return
  const failed = syncDetails.find(({ result }) => result === 'FAILED')
  const name = childPath(type.route, change.id)
  const outcome = await takeBack(type, change, connect(router, context)).catch(
    (error: unknown) =>
      `${name} is left as changed, since that could not be taken back: ${toResourceException(error).message}`,
  )
  const { code, reason, message } = failed?.cause ?? { code: 500, reason: 'Internal Server Error', message: '' }
  const why = failed
    ? `the mapping ${failed.mapping} could not carry it over: ${message}`
    : 'it could not be carried over'
  const cause: JsonObject = { code, reason, message }
  throw conflict(`${outcome ?? `The change of ${name} is taken back`}; ${why}`, {
    detail: { mapping: failed?.mapping ?? null, cause },
  })
}

/** @throws ResourceException when another write came in between, or the former state is no longer allowed */
async function takeBack(type: ManagedType, change: StoredChange, connection: Connection): Promise<string | undefined> {
  const { action, id, before, after } = change
  const name = childPath(type.route, id)
  if (action === 'create') await connection.delete(name, after?.revision ?? null, COMPENSATING)
  else if (action === 'delete') await connection.create(type.route, id, before?.content ?? {}, COMPENSATING)
  else if (before && after && before !== after)
    await connection.update(name, after.revision, restored(type, before.content, after.content), COMPENSATING)
  else return `${name} is unchanged`
  return undefined
}

/** An update keeps the private properties that it omits, so those that are new are emptied. */
function restored({ privates }: ManagedType, before: JsonObject, after: JsonObject): JsonObject {
  const added = [...privates].filter((name) => Object.hasOwn(after, name) && !Object.hasOwn(before, name))
  return { ...before, ...Object.fromEntries(added.map((name) => [name, null])) }
}
