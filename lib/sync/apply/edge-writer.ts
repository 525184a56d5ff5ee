import type { JsonObject } from '../../contract.ts'
import { ResourceException } from '../../crest/errors.ts'
import { getAt, parsePointer } from '../../crest/pointer.ts'
import type { FieldChange } from '../../repo/runs/run-row.ts'
import type { Mapping } from '../mapping/mapping.ts'
import { idOf, type ObjectSet, revisionOf } from '../read/object-set.ts'
import { hasOnlyListEdges, lingering, remaining, removesEdges, splitEdges } from '../relationships/edge-operations.ts'
import { edgeId } from '../relationships/edges.ts'
import { Outdated } from './outdated.ts'

/** Sends changes to an object, on the condition that it is still the one given. @returns the answer */
export type SendChanges = (object: JsonObject, changes: readonly FieldChange[]) => Promise<JsonObject>

/** Max edges in one request. */
const MAX_EDGES = 500
/** Each row that writes the other end of an edge moves the revision: that of a manager for each of the reports. */
const MAX_ATTEMPTS = 20
/** After as many, edges of lists are sent on no condition: they replace nothing, and are at most there already. */
const MAX_CONDITIONAL_ATTEMPTS = 3

/** Changes relationships, with other fields of the same object. */
export class EdgeWriter {
  readonly #targets: ObjectSet
  readonly #paged: ReadonlySet<string>

  constructor(targets: ObjectSet, { properties }: Pick<Mapping, 'properties'>) {
    this.#targets = targets
    this.#paged = new Set(properties.flatMap(({ relationship, target: [name] }) => (relationship?.paged && name) || []))
  }

  isPaged({ field }: FieldChange): boolean {
    return this.#paged.has(parsePointer(field)[0] ?? '')
  }

  /**
   * A 412 decides nothing by itself: the edge may be there already, or another one at the far end has moved the revision.
   * The object is read again, and what is left is sent again as long as each field is as it was compared.
   * @returns the object in the last answer
   * @throws Outdated when a field has changed
   */
  async update(target: JsonObject, changes: readonly FieldChange[], send: SendChanges): Promise<JsonObject> {
    const id = idOf(target)
    // Without a revision the write cannot be conditional.
    let now = revisionOf(target) === null ? await this.#read(id, changes) : target
    let left = open(await this.#withoutPagedRemovals(id, changes), now)
    for (let attempt = 1; left.length > 0; ) {
      const parts = splitEdges(left, MAX_EDGES)
      try {
        const isFree = attempt > MAX_CONDITIONAL_ATTEMPTS && hasOnlyListEdges(parts.now)
        now = await send(isFree ? { ...now, _rev: null } : now, parts.now)
        await this.#removeLingering(now, parts.now)
        left = parts.later
      } catch (error) {
        if (!(error instanceof ResourceException && error.code === 412) || attempt === MAX_ATTEMPTS) throw error
        attempt += 1
        now = await this.#read(id, left)
        left = open(left, now)
      }
    }
    return now
  }

  /** The object with the edges that the changes are about. @throws Outdated when it is gone */
  async #read(id: string, changes: readonly FieldChange[]): Promise<JsonObject> {
    const now = await this.#targets.read(id, 'targetObjectQuery')
    if (!now) throw new Outdated('The target has been deleted')
    for (const name of this.#paged) {
      if (!changes.some((change) => parsePointer(change.field)[0] === name)) continue
      const edges: JsonObject[] = []
      for await (const page of this.#targets.edges(id, name)) edges.push(...page)
      now[name] = edges
    }
    return now
  }

  /** The object does not show the edges of such a field, so that each is removed by its own path. */
  async #withoutPagedRemovals(id: string, changes: readonly FieldChange[]): Promise<FieldChange[]> {
    const left: FieldChange[] = []
    for (const change of changes) {
      const [name = ''] = parsePointer(change.field)
      if (!this.isPaged(change)) {
        left.push(change)
        continue
      }
      for (const value of Array.isArray(change.from) ? change.from : []) {
        const edge = edgeId(value)
        if (edge !== undefined) await this.#targets.deleteEdge(id, name, edge)
      }
      if (change.to !== null) left.push({ ...change, from: null })
    }
    return left
  }

  /** A remote ignores the removal of an edge that differs from its own in any member, such as a revision. */
  async #removeLingering(answer: JsonObject, changes: readonly FieldChange[]): Promise<void> {
    if (!removesEdges(changes)) return
    const isShown = changes.every(({ field, edges }) => !edges || getAt(answer, parsePointer(field)) !== undefined)
    const now = isShown ? answer : ((await this.#targets.read(idOf(answer), 'targetObjectQuery')) ?? {})
    for (const { field, id } of lingering(changes, now))
      await this.#targets.deleteEdge(idOf(answer), field[0] ?? '', id)
  }
}

/** What is still to be done. @throws Outdated */
function open(changes: readonly FieldChange[], now: JsonObject): FieldChange[] {
  const left = remaining(changes, now)
  if (!left) throw new Outdated('The target has changed')
  return left
}
