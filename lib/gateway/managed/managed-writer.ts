import { isDeepStrictEqual } from 'node:util'
import { hash } from '../../config/crypto.ts'
import type { JsonObject } from '../../contract.ts'
import { preconditionFailed, ResourceException } from '../../crest/errors.ts'
import { applyPatch } from '../../crest/patch.ts'
import type { Pointer } from '../../crest/pointer.ts'
import type { PatchOperation, RequestContext } from '../../crest/request.ts'
import type { StoredObject } from '../../repo/object-row.ts'
import type { ObjectStore } from '../../repo/object-store.ts'
import { UniqueViolation } from '../../repo/unique-property.ts'
import { hidden, visible, without, withoutRelationships } from './fields.ts'
import type { ManagedHooks } from './hooks.ts'
import type { ManagedType } from './managed-type.ts'
import { failedRequirements, isEmpty, policyFailure } from './policies.ts'

/** How often a change is tried again when others were faster; each of them got on, so it ends. */
const MAX_ATTEMPTS = 20

/** An object as it shall become. */
interface Draft {
  readonly object: JsonObject
  /** Private properties that stay as they are stored. */
  readonly kept: JsonObject
}

/** Writes managed objects: hooks, then policies, then hashes, then the repository. */
export class ManagedWriter {
  readonly #type: ManagedType
  readonly #store: ObjectStore
  readonly #hooks: ManagedHooks

  constructor(type: ManagedType, store: ObjectStore, hooks: ManagedHooks) {
    this.#type = type
    this.#store = store
    this.#hooks = hooks
  }

  /** An id that is taken is found out first: a PUT that means an update comes here before. */
  async create(id: string | null, content: JsonObject, context: RequestContext): Promise<StoredObject> {
    if (id !== null && (await this.#store.find(id))) throw preconditionFailed(`Object ${id} already exists`)
    const given = withoutRelationships(this.#type, content)
    // The members of the caller come first, in the caller's order.
    const wanted = { ...given, ...this.#type.defaults, ...given }
    const event = { type: this.#type.name, id, object: wanted }
    const object = (await this.#hooks.beforeCreate?.(event, context)) ?? wanted
    return this.#write({ object, kept: {} }, (ready) => this.#store.insert(id, ready))
  }

  /** Replaces the whole object; private properties that `content` does not name stay. */
  update(id: string, revision: string | null, content: JsonObject, context: RequestContext): Promise<StoredObject> {
    const object = withoutRelationships(this.#type, content)
    return this.#change(id, revision, context, (stored) => ({
      object,
      kept: without(hidden(this.#type, stored), (name) => Object.hasOwn(object, name)),
    }))
  }

  /** A patch sees no private property, so it can set and remove one but not copy it to where it shows. */
  patch(
    id: string,
    revision: string | null,
    operations: readonly PatchOperation[],
    context: RequestContext,
  ): Promise<StoredObject> {
    const isSet = (field: Pointer) => field.length === 1 && this.#type.sets.has(field[0] ?? '')
    const removed = new Set(operations.filter(isRemoval).map(({ field: [name = ''] }) => name))
    return this.#change(id, revision, context, (stored) => {
      const before = visible(this.#type, stored)
      const object = withoutRelationships(this.#type, applyPatch(before, operations, isSet))
      const all = hidden(this.#type, stored)
      const kept = without(all, (name) => removed.has(name) || Object.hasOwn(object, name))
      return isDeepStrictEqual([object, kept], [before, all]) ? undefined : { object, kept }
    })
  }

  async delete(id: string, revision: string | null, context: RequestContext): Promise<StoredObject> {
    if (!this.#hooks.beforeDelete) return this.#store.remove(id, revision)
    const { content, revision: current } = await this.#store.get(id, revision)
    await this.#hooks.beforeDelete({ type: this.#type.name, id, object: visible(this.#type, content) }, context)
    return this.#store.remove(id, current)
  }

  /** Hooks and hashes take their time: when another write came in between, it starts again from that one's result. */
  async #change(
    id: string,
    revision: string | null,
    context: RequestContext,
    edit: (stored: JsonObject) => Draft | undefined,
  ): Promise<StoredObject> {
    for (let attempt = 1; ; attempt++) {
      const stored = await this.#store.get(id, revision)
      const draft = edit(stored.content)
      if (!draft) return stored
      const hooked = await this.#hooked(id, draft, stored.content, context)
      try {
        return await this.#write(hooked, (ready) => this.#store.change(id, stored.revision, () => ready))
      } catch (error) {
        if (!isStale(error) || revision !== null || attempt === MAX_ATTEMPTS) throw error
      }
    }
  }

  async #hooked(id: string, draft: Draft, stored: JsonObject, context: RequestContext): Promise<Draft> {
    const previous = visible(this.#type, stored)
    const event = { type: this.#type.name, id, object: draft.object, previous }
    const object = await this.#hooks.beforeUpdate?.(event, context)
    return object ? { ...draft, object } : draft
  }

  async #write(draft: Draft, write: (ready: JsonObject) => Promise<StoredObject>): Promise<StoredObject> {
    const requirements = failedRequirements(this.#type, draft.object, draft.kept)
    if (requirements.length > 0) throw policyFailure(requirements)
    try {
      return await write(await this.#ready(draft))
    } catch (error) {
      if (!(error instanceof UniqueViolation)) throw error
      const property = error.property.slice(1)
      throw policyFailure([{ property, policyRequirements: [{ policyRequirement: 'UNIQUE' }] }])
    }
  }

  /** What is stored: of a hashed property its hash, and nothing of a private one that was emptied. */
  async #ready({ object, kept }: Draft): Promise<JsonObject> {
    const content = without(object, (name) => this.#type.privates.has(name) && isEmpty(object[name] ?? null))
    for (const name of this.#type.hashed) {
      const value = content[name]
      if (typeof value === 'string') content[name] = await hash(value, 'SCRYPT')
    }
    return { ...content, ...kept }
  }
}

const isRemoval = ({ operation, field, value }: PatchOperation): boolean =>
  operation === 'remove' && value === undefined && field.length === 1

const isStale = (error: unknown): boolean => error instanceof ResourceException && error.code === 412
