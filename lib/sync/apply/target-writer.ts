import type { JsonObject } from '../../contract.ts'
import { badGateway, conflict, ResourceException } from '../../crest/errors.ts'
import { getAt, parsePointer } from '../../crest/pointer.ts'
import { removeAt, setAt } from '../../crest/protocol/write-at.ts'
import type { FieldChange } from '../../repo/run-rows.ts'
import { isEmpty, isSame, patchOperations } from '../evaluate/difference.ts'
import type { LinkSpace } from '../evaluate/link-space.ts'
import { idOf, type ObjectSet, revisionOf } from '../read/object-set.ts'
import type { TargetSchema } from '../read/target-schema.ts'

/** What a row was decided by is not so any more: a clause, such as `The target has changed`. */
export class Outdated extends Error {}

export interface TargetWriterParts {
  readonly targets: ObjectSet
  readonly links: LinkSpace
  readonly schema: TargetSchema
  readonly updateMethod: 'patch' | 'put'
}

/** Turns decisions about target objects into requests: the one place that writes to a target. */
export class TargetWriter {
  readonly #parts: TargetWriterParts
  #puts: boolean
  #hasPatched = false

  constructor(parts: TargetWriterParts) {
    this.#parts = parts
    this.#puts = parts.updateMethod === 'put'
  }

  /** @returns the object as the target answers, with the id that it has there */
  create(id: string | null, content: JsonObject): Promise<JsonObject> {
    return this.#parts.targets.create(id, content)
  }

  /**
   * Changes the fields named, and nothing else, if the target is still what it was compared as.
   * @returns the object as the target answers; another id = the target has renamed it
   * @throws Outdated when it has changed; ResourceException why it was not changed
   */
  async update(target: JsonObject, changes: readonly FieldChange[]): Promise<JsonObject> {
    const id = idOf(target)
    await this.#checkRequired(changes)
    // A write cannot depend on a revision that the target does not have.
    if (revisionOf(target) === null) await this.#compare(id, changes)
    const answer = this.#puts ? await this.#put(id, changes) : await this.#patch(id, revisionOf(target), changes)
    return this.#identified(id, answer, changes)
  }

  /** @throws Outdated when it has changed since it was compared */
  async delete(target: JsonObject): Promise<void> {
    const revision = revisionOf(target)
    if (revision === null) {
      const now = await this.#parts.targets.read(idOf(target), 'targetObjectQuery')
      if (now && !isSame(now, target)) throw new Outdated(CHANGED)
    }
    await this.#parts.targets.delete(idOf(target), revision)
  }

  async #patch(id: string, revision: string | null, changes: readonly FieldChange[]): Promise<JsonObject> {
    try {
      const answer = await this.#parts.targets.patch(id, revision, patchOperations(changes))
      this.#hasPatched = true
      return answer
    } catch (error) {
      if (!(error instanceof ResourceException) || this.#hasPatched) throw error
      if (error.code === 405 || error.code === 501) {
        this.#puts = true
        return this.#put(id, changes)
      }
      // Some targets refuse the method in words of their own.
      if (error.code !== 400 && error.code !== 415) throw error
      throw new ResourceException(error.code, `${error.message} (${PATCH_HINT})`, { cause: error })
    }
  }

  /** Sends the object as it is now, with the changes; what the target does not show, it drops. */
  async #put(id: string, changes: readonly FieldChange[]): Promise<JsonObject> {
    const now = await this.#compare(id, changes)
    const { _rev, ...content } = now
    for (const { field, to } of changes)
      if (to === null) removeAt(content, parsePointer(field))
      else setAt(content, parsePointer(field), to)
    return this.#parts.targets.update(id, revisionOf(now), content)
  }

  /** Reads the object just before it is written. */
  async #compare(id: string, changes: readonly FieldChange[]): Promise<JsonObject> {
    const now = await this.#parts.targets.read(id, 'targetObjectQuery')
    if (!now) throw new Outdated('The target has gone')
    const isAsCompared = changes.every(({ field, from }) => isSame(getAt(now, parsePointer(field)) ?? null, from))
    if (!isAsCompared) throw new Outdated(CHANGED)
    return now
  }

  /** A remote checks policies only of fields that are there: a required field would be cleared without a word. */
  async #checkRequired(changes: readonly FieldChange[]): Promise<void> {
    const cleared = changes.filter(({ to }) => isEmpty(to)).map(({ field }) => parsePointer(field))
    if (cleared.length === 0) return
    const required = await this.#parts.schema.required()
    const [name] = cleared.find((field) => field.length === 1 && required.has(field[0] ?? '')) ?? []
    if (name === undefined) return
    const path = this.#parts.targets.path
    throw conflict(`The mapping would clear /${name}, which the schema of ${path} requires: nothing was written`)
  }

  /** Some targets give an object another id when its name changes; any other id is an answer about something else. */
  async #identified(id: string, answer: JsonObject, changes: readonly FieldChange[]): Promise<JsonObject> {
    const { targets, links } = this.#parts
    const answered = idOf(answer)
    if (links.targetKey(answered) === links.targetKey(id)) return answer
    const now = await targets.read(answered, 'targetObjectQuery')
    const holds = (field: string, to: FieldChange['to']): boolean => {
      const [found, shown] = [now, answer].map((object) => getAt(object, parsePointer(field)) ?? null)
      return isSame(found ?? null, to) || (isEmpty(found ?? null) && isEmpty(shown ?? null))
    }
    const isRenamed = now !== null && changes.every(({ field, to }) => holds(field, to))
    if (isRenamed && (await targets.read(id, 'targetObjectQuery')) === null) return now
    throw badGateway(`${targets.path}: the target answered the update of ${id} with the object ${answered}`)
  }
}

const CHANGED = 'The target has changed'

const PATCH_HINT = 'if the target does not support PATCH, set "updateMethod": "put" in the mapping'
