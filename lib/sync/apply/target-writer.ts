import type { JsonObject } from '../../contract.ts'
import { badGateway, conflict, ResourceException } from '../../crest/errors.ts'
import { getAt, parsePointer } from '../../crest/pointer.ts'
import { removeAt, setAt } from '../../crest/protocol/write-at.ts'
import type { FieldChange } from '../../repo/runs/run-row.ts'
import type { RunContext } from '../context/run-context.ts'
import { isEmpty, isSame } from '../evaluate/difference.ts'
import type { LinkSpace } from '../evaluate/link-space.ts'
import { idOf, type ObjectSet, revisionOf } from '../read/object-set.ts'
import { TargetSchema } from '../read/target-schema.ts'
import { edgeOperations, edgesAfter, remaining } from '../relationships/edge-operations.ts'
import { EdgeWriter } from './edge-writer.ts'
import { Outdated } from './outdated.ts'

/** Sends the changes to target objects, and their deletions, as requests. */
export class TargetWriter {
  readonly #targets: ObjectSet
  readonly #links: LinkSpace
  readonly #schema: TargetSchema
  readonly #edges: EdgeWriter
  #puts: boolean
  #hasPatched = false

  constructor({ targets, links, mapping, parts }: Pick<RunContext, 'targets' | 'links' | 'mapping' | 'parts'>) {
    this.#targets = targets
    this.#links = links
    this.#schema = new TargetSchema(parts.connection, mapping.target)
    this.#edges = new EdgeWriter(targets, mapping)
    this.#puts = mapping.updateMethod === 'put'
  }

  /** Whether a relationship is written by requests of its own, since objects do not show it. */
  isPaged(change: FieldChange): boolean {
    return this.#edges.isPaged(change)
  }

  /**
   * Changes only these fields, and only if the target is as it was when it was compared.
   * @returns the object in the answer of the target; another id = the target has renamed it
   * @throws Outdated when the target has changed; ResourceException for any other failure
   */
  async update(target: JsonObject, changes: readonly FieldChange[]): Promise<JsonObject> {
    const id = idOf(target)
    await this.#checkRequired(changes)
    if (changes.some(({ edges }) => edges)) {
      const answer = await this.#edges.update(target, changes, (object, some) => this.#send(object, some))
      return this.#identified(
        id,
        answer,
        changes.filter(({ edges }) => !edges),
      )
    }
    // Without a revision the write cannot be conditional.
    if (revisionOf(target) === null) await this.#compare(id, changes)
    return this.#identified(id, await this.#send(target, changes), changes)
  }

  #send(target: JsonObject, changes: readonly FieldChange[]): Promise<JsonObject> {
    const id = idOf(target)
    return this.#puts ? this.#put(id, changes) : this.#patch(id, revisionOf(target), changes)
  }

  /** @throws Outdated when it has changed since it was compared */
  async delete(target: JsonObject): Promise<void> {
    const revision = revisionOf(target)
    if (revision === null) {
      const now = await this.#targets.read(idOf(target), 'targetObjectQuery')
      if (now && !isSame(now, target)) throw new Outdated(CHANGED)
    }
    await this.#targets.delete(idOf(target), revision)
  }

  async #patch(id: string, revision: string | null, changes: readonly FieldChange[]): Promise<JsonObject> {
    try {
      const answer = await this.#targets.patch(id, revision, edgeOperations(changes))
      this.#hasPatched = true
      return answer
    } catch (error) {
      if (!(error instanceof ResourceException) || this.#hasPatched) throw error
      if (error.code === 405 || error.code === 501) {
        this.#puts = true
        return this.#put(id, changes)
      }
      // Some targets refuse the method with another status.
      if (error.code !== 400 && error.code !== 415) throw error
      throw new ResourceException(error.code, `${error.message} (${PATCH_HINT})`, { cause: error })
    }
  }

  /** Sends the whole present object with the changes; the target drops fields that it does not show. */
  async #put(id: string, changes: readonly FieldChange[]): Promise<JsonObject> {
    const now = await this.#compare(id, changes)
    const { _rev, ...content } = now
    for (const change of changes) {
      const { field, to, edges } = change
      const pointer = parsePointer(field)
      if (edges) setAt(content, pointer, edgesAfter(change, getAt(now, pointer) ?? null))
      else if (to === null) removeAt(content, pointer)
      else setAt(content, pointer, to)
    }
    return this.#targets.update(id, revisionOf(now), content)
  }

  /** Reads the object just before it is written. @throws Outdated when one of the fields has changed */
  async #compare(id: string, changes: readonly FieldChange[]): Promise<JsonObject> {
    const now = await this.#targets.read(id, 'targetObjectQuery')
    if (!now) throw new Outdated('The target has been deleted')
    const isAsCompared = changes.every(({ field, from, edges }) =>
      edges ? true : isSame(getAt(now, parsePointer(field)) ?? null, from),
    )
    const relations = changes.filter(({ edges }) => edges)
    if (!isAsCompared || !remaining(relations, now)) throw new Outdated(CHANGED)
    return now
  }

  /** Remotes check the policies of present fields only, so that a required field would be cleared without an error. */
  async #checkRequired(changes: readonly FieldChange[]): Promise<void> {
    const cleared = changes
      .filter(({ to, edges }) => isEmpty(to) && !(edges && edges.kept > 0))
      .map(({ field }) => parsePointer(field))
    if (cleared.length === 0) return
    const required = await this.#schema.required()
    const [name] = cleared.find((field) => field.length === 1 && required.has(field[0] ?? '')) ?? []
    if (name === undefined) return
    const path = this.#targets.path
    throw conflict(`The mapping would clear /${name}, which the schema of ${path} requires: nothing was written`)
  }

  /** Some targets change the id with the name of an object. Any other foreign id means that the answer is wrong. */
  async #identified(id: string, answer: JsonObject, changes: readonly FieldChange[]): Promise<JsonObject> {
    const answered = idOf(answer)
    if (this.#links.targetKey(answered) === this.#links.targetKey(id)) return answer
    const now = await this.#targets.read(answered, 'targetObjectQuery')
    const holds = (field: string, to: FieldChange['to']): boolean => {
      const [found, shown] = [now, answer].map((object) => getAt(object, parsePointer(field)) ?? null)
      return isSame(found ?? null, to) || (isEmpty(found ?? null) && isEmpty(shown ?? null))
    }
    const isRenamed = now !== null && changes.every(({ field, to }) => holds(field, to))
    if (isRenamed && (await this.#targets.read(id, 'targetObjectQuery')) === null) return now
    throw badGateway(`${this.#targets.path}: the target answered the update of ${id} with the object ${answered}`)
  }
}

const CHANGED = 'The target has changed'

const PATCH_HINT = 'if the target does not support PATCH, set "updateMethod": "put" in the mapping'
