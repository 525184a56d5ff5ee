import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { JsonObject } from '../../contract.ts'
import { type AuditLog, noAudit } from '../../core/telemetry/audit.ts'
import { badRequest, preconditionFailed, ResourceException } from '../../crest/errors.ts'
import { checkAddressable } from '../../crest/http/request-path.ts'
import type { Pointer } from '../../crest/pointer.ts'
import { applyPatch } from '../../crest/protocol/patch.ts'
import type { PatchOperation, RequestContext } from '../../crest/protocol/request.ts'
import { childPath } from '../../crest/protocol/resource-path.ts'
import type { ObjectStore, StoredObject } from '../../repo/objects/object-store.ts'
import { UniqueViolation } from '../../repo/objects/unique-violation.ts'
import type { WriteEvents } from '../../repo/queue/event.ts'
import { type Operation, recordActivity } from '../audit/change-event.ts'
import type { ManagedChanges } from './changes.ts'
import { hidden, visible, without, withoutRelationships } from './fields.ts'
import type { ManagedHooks, StoredChange, WriteCall } from './hooks.ts'
import { failedRequirements, policyFailure } from './policies.ts'
import { type Draft, type ManagedKeys, PrivateValues } from './private-values.ts'
import type { ManagedType } from './type.ts'
import { type PlannedChange, type PreparedChange, TypeSync } from './type-sync.ts'

/** Max attempts per change. Each conflict means that another write succeeded. */
const MAX_ATTEMPTS = 20

export interface ManagedWriterOptions {
  readonly type: ManagedType
  readonly store: ObjectStore
  readonly keys: ManagedKeys
  readonly hooks: ManagedHooks
  /** What happens to changes. */
  readonly changes?: ManagedChanges | undefined
  readonly audit?: AuditLog | undefined
}

/** Writes managed objects: hooks, policies, hashing and encryption, repository, hooks again, synchronization. */
export class ManagedWriter {
  readonly #type: ManagedType
  readonly #store: ObjectStore
  readonly #hooks: ManagedHooks
  readonly #values: PrivateValues
  readonly #sync: TypeSync
  readonly #audit: AuditLog

  constructor({ type, store, keys, hooks, changes, audit = noAudit }: ManagedWriterOptions) {
    this.#type = type
    this.#store = store
    this.#hooks = hooks
    this.#audit = audit
    this.#values = new PrivateValues(type, keys)
    this.#sync = new TypeSync({ type, changes, hooks })
  }

  /** Checks for an existing id first: a PUT that is an update tries to create the object before. */
  async create(id: string | null, content: JsonObject, call: WriteCall): Promise<StoredObject> {
    if (id !== null) checkAddressable(id)
    if (id !== null && (await this.#store.find(id))) throw preconditionFailed(`Object ${id} already exists`)
    const given = withoutRelationships(this.#type, content)
    // Keeps the member order of the caller.
    const whole = { ...given, ...this.#type.defaults, ...given }
    const { object: wanted, kept } = this.#given(id, whole, {}, call.context)
    const event = { type: this.#type.name, id, object: wanted }
    const object = (await this.#hooks.beforeCreate?.(event, call)) ?? wanted
    await this.#audit.room()
    const newId = id ?? randomUUID()
    const planned = { action: 'create', id: newId } as const
    const insert = (ready: JsonObject, events: WriteEvents | undefined) => this.#store.insert(newId, ready, events)
    const { stored, prepared } = await this.#write(planned, { object, kept }, call, insert)
    await this.#finish('CREATE', { ...planned, after: stored }, prepared, call)
    return stored
  }

  /** Replaces the object; private properties that `content` omits are kept. */
  update(id: string, revision: string | null, content: JsonObject, call: WriteCall): Promise<StoredObject> {
    const given = withoutRelationships(this.#type, content)
    return this.#change({ id, revision, call, operation: 'UPDATE' }, (stored) => {
      const { object, kept } = this.#given(id, given, stored, call.context)
      return {
        object,
        kept: { ...without(hidden(this.#type, stored), (name) => Object.hasOwn(object, name)), ...kept },
      }
    })
  }

  /** A patch can set, remove and change private properties, but not copy them to visible ones. */
  patch(
    id: string,
    revision: string | null,
    operations: readonly PatchOperation[],
    call: WriteCall,
  ): Promise<StoredObject> {
    const allowed = withoutDisclosures(this.#type, operations)
    const removed = new Set(allowed.filter(removesWhole).map(({ field: [name = ''] }) => name))
    return this.#change({ id, revision, call, operation: 'PATCH' }, (stored) => {
      const [before, all] = [visible(this.#type, stored), hidden(this.#type, stored)]
      const opened = this.#opened(id, all, allowed)
      const patched = applyPatch({ ...before, ...opened }, allowed, this.#isSet)
      const isOpen = (name: string) => Object.hasOwn(opened, name)
      const isSame = (name: string) => isOpen(name) && isDeepStrictEqual(patched[name], opened[name])
      const changed = withoutRelationships(this.#type, without(patched, isSame))
      const isReplaced = (name: string) => removed.has(name) || isOpen(name) || Object.hasOwn(changed, name)
      const { object, kept: handed } = this.#given(id, changed, stored, call.context)
      const kept = { ...without(all, (name) => isReplaced(name) && !isSame(name)), ...handed }
      return isDeepStrictEqual([object, kept], [before, all]) ? undefined : { object, kept }
    })
  }

  /** A deletion that has consequences reads the object first: it tries again if another write came in between. */
  async delete(id: string, revision: string | null, call: WriteCall): Promise<StoredObject> {
    await this.#audit.room()
    const planned = { action: 'delete', id } as const
    if (!this.#hooks.beforeDelete && !this.#sync.isConcerned) {
      const removed = await this.#store.remove(id, revision)
      await this.#finish('DELETE', { ...planned, before: removed }, undefined, call)
      return removed
    }
    const { removed, prepared } = await retried(revision, async () => {
      const stored = await this.#store.get(id, revision)
      const object = visible(this.#type, stored.content)
      await this.#hooks.beforeDelete?.({ type: this.#type.name, id, object }, call)
      const prepared = await this.#sync.prepare({ ...planned, before: stored }, call)
      return { removed: await this.#store.remove(id, stored.revision, prepared), prepared }
    })
    await this.#finish('DELETE', { ...planned, before: removed }, prepared, call)
    return removed
  }

  /** Synchronizes an object as it is. @throws what `onSync` throws */
  async check(object: StoredObject, { request, context }: WriteCall): Promise<void> {
    await this.#sync.check(object, { request, context: settled(context) })
  }

  async #change(
    { id, revision, call, operation }: ChangeRequest,
    edit: (stored: JsonObject) => Draft | undefined,
  ): Promise<StoredObject> {
    await this.#audit.room()
    const planned = { action: 'update', id } as const
    const { before, after, prepared } = await retried(revision, async () => {
      const before = await this.#store.get(id, revision)
      const draft = edit(before.content)
      if (!draft) return { before }
      const hooked = await this.#hooked(id, draft, before.content, call)
      const replace = (ready: JsonObject, events: WriteEvents | undefined) =>
        this.#store.replace(id, before.revision, ready, events)
      const { stored, prepared } = await this.#write({ ...planned, before }, hooked, call, replace)
      return { before, after: stored, prepared }
    })
    if (!after) return before
    await this.#finish(operation, { ...planned, before, after }, prepared, call)
    return after
  }

  /** What follows a stored change. A failure leaves it stored, and so does a caller who disconnects. */
  async #finish(
    operation: Operation,
    change: StoredChange,
    prepared: PreparedChange | undefined,
    { request, context }: WriteCall,
  ): Promise<void> {
    this.#record(operation, context, change)
    const call = { request, context: settled(context) }
    await this.#hooks.afterWrite?.(change, call)
    if (prepared) await this.#sync.synchronize(prepared, change, call)
  }

  #record(operation: Operation, context: RequestContext, { id, before, after }: StoredChange): void {
    const { route, privates } = this.#type
    recordActivity(this.#audit, context, {
      ...{ objectId: childPath(route, id), operation, revision: (after ?? before)?.revision ?? null },
      ...{ before: before?.content, after: after?.content },
      isSecret: (place) => place.length === 1 && privates.has(place[0] ?? ''),
    })
  }

  /** Unwraps envelopes from internal callers only: REST callers never receive any. */
  #given(id: string | null, object: JsonObject, stored: JsonObject, { external }: RequestContext): Draft {
    return external ? { object, kept: {} } : this.#values.unwrap(id, object, stored)
  }

  /** The clear values of partially changed properties. Scalar values have no parts, and must not be probed. */
  #opened(id: string, stored: JsonObject, operations: readonly PatchOperation[]): JsonObject {
    const names = changedInPart(this.#type, operations).filter((name) => Object.hasOwn(stored, name))
    const values = names.map((name) => [name, this.#values.open(id, name, stored[name] ?? null)] as const)
    const single = new Set(values.filter(([, value]) => typeof value !== 'object').map(([name]) => name))
    const lost = operations.find(({ field: [name = '', ...rest] }) => rest.length > 0 && single.has(name))
    if (lost) throw badRequest(`/${lost.field[0]}: Expecting a Map or List`)
    return Object.fromEntries(values.filter(([name]) => !single.has(name)))
  }

  readonly #isSet = (field: Pointer): boolean => field.length === 1 && this.#type.sets.has(field[0] ?? '')

  async #hooked(id: string, draft: Draft, stored: JsonObject, call: WriteCall): Promise<Draft> {
    const previous = visible(this.#type, stored)
    const event = { type: this.#type.name, id, object: draft.object, previous }
    const object = await this.#hooks.beforeUpdate?.(event, call)
    return object ? { object, kept: without(draft.kept, (name) => Object.hasOwn(object, name)) } : draft
  }

  async #write(
    planned: PlannedChange,
    draft: Draft,
    call: WriteCall,
    write: (ready: JsonObject, events: WriteEvents | undefined) => Promise<StoredObject>,
  ): Promise<{ readonly stored: StoredObject; readonly prepared: PreparedChange | undefined }> {
    const requirements = failedRequirements(this.#type, draft.object, draft.kept)
    if (requirements.length > 0) throw policyFailure(requirements)
    const content = await this.#values.seal(draft)
    const prepared = await this.#sync.prepare({ ...planned, content }, call)
    try {
      return { stored: await write(content, prepared), prepared }
    } catch (error) {
      if (!(error instanceof UniqueViolation)) throw error
      const property = error.property.slice(1)
      throw policyFailure([{ property, policyRequirements: [{ policyRequirement: 'UNIQUE' }] }])
    }
  }
}

interface ChangeRequest {
  readonly id: string
  readonly revision: string | null
  readonly call: WriteCall
  readonly operation: Operation
}

/** Optimistic concurrency: tries again with the current object if another write came in between. */
async function retried<T>(revision: string | null, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!isStale(error) || revision !== null || attempt === MAX_ATTEMPTS) throw error
    }
  }
}

/** A stored change is seen through even if its caller disconnects. */
function settled({ signal: _, ...context }: RequestContext): RequestContext {
  return context
}

const isStale = (error: unknown): boolean => error instanceof ResourceException && error.code === 412

/** Drops operations that copy or move a private property to another property, which would expose it. */
const withoutDisclosures = (type: ManagedType, operations: readonly PatchOperation[]): PatchOperation[] =>
  operations.filter(({ field, from }) => {
    const source = from?.[0]
    return source === undefined || !type.privates.has(source) || source === field[0]
  })

/**
 * Private properties with a partial change, which requires the stored value in clear. Complete replacements do not, and
 * hashes have no clear value.
 */
function changedInPart(type: ManagedType, operations: readonly PatchOperation[]): string[] {
  const names = operations.filter(isPartial).map(({ field: [name = ''] }) => name)
  return [...new Set(names)].filter((name) => type.privates.has(name) && !type.hashed.has(name))
}

const isPartial = ({ operation, field, value }: PatchOperation): boolean =>
  field.length > 1 ||
  (operation === 'add' && Array.isArray(value)) ||
  (operation === 'remove' && value !== undefined) ||
  operation === 'increment'

const removesWhole = ({ operation, field, value }: PatchOperation): boolean =>
  operation === 'remove' && value === undefined && field.length === 1
