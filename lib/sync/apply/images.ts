import type { Json, JsonObject } from '../../contract.ts'
import { getAt, parsePointer } from '../../crest/pointer.ts'
import type { AfterImage, FieldChange, Row } from '../../repo/runs/run-row.ts'
import type { RunContext } from '../context/run-context.ts'
import { isEmpty, isSame } from '../evaluate/difference.ts'
import { idOf, revisionOf } from '../read/object-set.ts'
import { fieldDigests } from '../undo/field-digest.ts'
import type { Intents } from './intents.ts'

/** Keeps what rows replace, so that their run can be undone. Most rows have it in the changes of the plan. */
export class Images {
  readonly #context: RunContext
  readonly #intents: Intents
  readonly #isPlanned: boolean
  /** Changes and targets that are stored. */
  readonly #stored = new WeakSet<object>()

  /** @param isPlanned whether rows have the changes that are stored with them */
  constructor(context: RunContext, intents: Intents, isPlanned: boolean) {
    this.#context = context
    this.#intents = intents
    this.#isPlanned = isPlanned
  }

  /** Adds what the rows of a window replace, before their intents are stored. */
  async take(rows: readonly Row[]): Promise<void> {
    if (!this.#context.mapping.keepBefore) return
    for (const row of rows) if (row.action === 'UPDATE') this.#takeChanges(row)
    const deletions = rows.filter((row) => row.action === 'DELETE' && row.target && !row.ambiguous)
    if (deletions.length === 0) return
    const ids = deletions.flatMap(({ target }) => (target ? [idOf(target)] : []))
    // What cannot be read now is read again before it is deleted.
    const found = await this.#context.targets.whole(ids, 'targetObjectQuery').catch(() => new Map<string, JsonObject>())
    for (const row of deletions) this.#takeTarget(row, found.get(idOf(row.target ?? {})))
  }

  /** Stores what a row replaces unless that is done. @throws ResourceException when it cannot be read */
  async check(row: Row): Promise<void> {
    const { mapping, targets } = this.#context
    if (!mapping.keepBefore) return
    const { action, changes, target } = row
    if (action === 'UPDATE' && changes && !this.#stored.has(changes)) row.before = { changes }
    else if (action === 'DELETE' && target && !this.#stored.has(target)) {
      const id = idOf(target)
      this.#takeTarget(row, (await targets.whole([id], 'targetObjectQuery')).get(id))
    } else return
    await this.#intents.note(row, row.intent ?? { kind: 'write', id: row.targetId })
  }

  #takeChanges(row: Row): void {
    if (!row.changes) return
    // One that was interrupted and finds nothing left has been carried out: the plan has what it changed.
    if (!this.#isPlanned && row.changes.length > 0) row.before = { changes: row.changes }
    this.#stored.add(row.changes)
  }

  #takeTarget(row: Row, object: JsonObject | undefined): void {
    if (!row.target || !object) return
    row.before = { target: object }
    // If it has changed since it was compared, it will not be deleted.
    if (revisionOf(object) === revisionOf(row.target)) this.#stored.add(row.target)
  }
}

/** Notes that the target of a row was written. @param answer of the target */
export function noteUpdated(row: Row, sent: readonly FieldChange[], answer: JsonObject): void {
  const shown: Record<string, Json> = {}
  if (hasContent(answer))
    for (const { field, to } of sent) {
      const value = getAt(answer, parsePointer(field)) ?? null
      if (!isSame(value, to)) shown[field] = isEmpty(value) ? null : value
    }
  row.after = { ...row.after, ...(Object.keys(shown).length > 0 && { shown }) }
}

/** Notes that the target of a row was created. */
export function noteCreated(row: Row, sent: JsonObject, answer: JsonObject): void {
  row.after = { ...row.after, created: fieldDigests(hasContent(answer) ? answer : sent, Object.keys(sent)) }
}

/** What is stored with the outcome of a row; undefined = nothing, which says the same for one that succeeded. */
export function afterImage(row: Row, keeps: boolean): AfterImage | undefined {
  if (!keeps) return undefined
  const { after, newLink, removedLinks, link, writes, status } = row
  const image: AfterImage = {
    ...after,
    ...(newLink && { linked: true }),
    ...(link && removedLinks.includes(link.id) && { unlinked: link }),
    ...(writes && writes.length > 0 && { writes: writes.length }),
  }
  return Object.keys(image).length > 0 || (after && status === 'FAILURE') ? image : undefined
}

const hasContent = (answer: JsonObject): boolean =>
  Object.keys(answer).some((name) => name !== '_id' && name !== '_rev')
