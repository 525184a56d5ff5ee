import type { JsonObject } from '../../contract.ts'
import { printPointer } from '../../crest/pointer.ts'
import type { PairLink } from '../../repo/links/link-store.ts'
import { type EdgeCount, newRow, type Row } from '../../repo/runs/run-row.ts'
import { differences, isSame } from '../evaluate/difference.ts'
import type { LinkSpace } from '../evaluate/link-space.ts'
import { changedFields } from './field-digest.ts'
import { restorable } from './restorable.ts'
import { undoneFields } from './undone-fields.ts'
import { type LinkBack, linkBack } from './undone-link.ts'

/** The present state of what a row was about. */
export interface UndoFacts {
  /** The whole target; null = it is proven to be absent. */
  readonly target: JsonObject | null
  /** The links of its source and of its target, and those at the places of the link that it removed. */
  readonly links: readonly PairLink[]
}

export interface UndoRules {
  readonly links: Pick<LinkSpace, 'sourceKey' | 'targetKey'>
  /** What the run created is deleted. */
  readonly deletesCreated: boolean
  /** Properties of the target that no answer shows, and those that it computes. */
  readonly hidden: ReadonlySet<string>
  readonly computed: ReadonlySet<string>
  /** The target chooses the ids of its objects. */
  readonly choosesIds: boolean
}

/**
 * What takes a row back, given the present state: a row with status null that can be carried out, one with status SKIPPED
 * that says why it is left alone, or undefined where everything is as it was before. Fields that are left alone or cannot
 * come back are named in its reason and counted in `edgeCounts`.
 */
export function undoRow(done: Row, facts: UndoFacts, rules: UndoRules): Row | undefined {
  const back = linkBack(done, facts.links, rules.links)
  if (done.status === 'UNKNOWN') return skipped(done, UNKNOWN)
  switch (done.action) {
    case 'UPDATE':
      return undoUpdate(done, facts, back)
    case 'CREATE':
      return undoCreate(done, facts, rules, back)
    case 'DELETE':
      return undoDelete(done, facts, rules, back)
    default:
      return undoLink(done, facts, back)
  }
}

function undoUpdate(done: Row, { target }: UndoFacts, back: LinkBack): Row | undefined {
  const changes = (done.before?.changes ?? done.changes ?? []).filter(({ kept }) => !kept)
  if (!target) return changes.length > 0 || back.isOpen ? skipped(done, 'the target has been deleted since') : undefined
  const { restored, changedSince, lost } = undoneFields(changes, target, done.after?.shown ?? {})
  const notes = [...counted('changedSince', changedSince), ...counted('cannotComeBack', lost)]
  const reasons = [...named(changedSince, 'since changed, left alone'), ...named(lost, HIDDEN), ...back.notes]
  if (restored.length === 0 && !back.isOpen)
    return reasons.length > 0 ? skipped(done, reasons.join('; '), notes) : undefined
  const fields = restored.map(({ field }) => field)
  const why = [...(fields.length > 0 ? [`gets back ${fields.join(', ')}`] : []), ...back.reasons, ...reasons]
  const action = restored.length > 0 ? 'UPDATE' : back.action
  return planned(done, { action, target, targetId: done.targetId, changes: restored, ...why_(why, notes) }, back)
}

function undoCreate(done: Row, { target }: UndoFacts, rules: UndoRules, back: LinkBack): Row | undefined {
  const id = createdId(done)
  if (id === null) return skipped(done, UNKNOWN)
  if (!target) return undoLink(done, { target }, back)
  const row = { ...done, targetId: id }
  if (!rules.deletesCreated) return skipped(row, 'the run created it: it stays, unless deleteCreated says to delete it')
  const changed = changedFields(target, done.after?.created ?? {}).map((name) => printPointer([name]))
  if (changed.length > 0)
    return skipped(row, `it stays: since changed: ${changed.join(', ')}`, counted('changedSince', changed))
  const why = ['the run created it', ...back.reasons, ...back.notes]
  return planned(row, { action: 'DELETE', target, targetId: id, ...why_(why) }, back)
}

function undoDelete(done: Row, { target }: UndoFacts, rules: UndoRules, back: LinkBack): Row | undefined {
  const was = done.before?.target
  if (!was) return target ? undefined : skipped(done, 'nothing is known of what it was')
  const { content, lost: fields } = restorable(was, rules)
  const lost = rules.choosesIds ? ['/_id', ...fields] : fields
  if (target) {
    const isBack = Object.entries(content).every(([name, value]) => isSame(target[name] ?? null, value))
    return isBack ? undoLink(done, { target }, back) : skipped(done, 'an object with its id exists: it stays')
  }
  const why = ['the run deleted it', ...back.reasons, ...named(lost, HIDDEN), ...back.notes]
  const earlier = back.earlier && { sourceKey: back.earlier.sourceKey, targetKey: null }
  const parts = {
    action: 'CREATE',
    sourceId: earlier ? (done.sourceId ?? earlier.sourceKey) : null,
    mapped: { ...content, _id: done.targetId ?? String(was._id) },
    changes: differences({}, content),
    ...why_(why, counted('cannotComeBack', lost)),
  }
  return planned(done, parts, { ...back, earlier })
}

function undoLink(done: Row, { target }: Pick<UndoFacts, 'target'>, back: LinkBack): Row | undefined {
  if (!back.isOpen) return back.notes.length > 0 ? skipped(done, back.notes.join('; ')) : undefined
  const parts = { action: back.action, target, targetId: done.targetId, ...why_([...back.reasons, ...back.notes]) }
  return planned(done, parts, back)
}

/** The id of the target that a CREATE made; null = not known. */
export function createdId({ targetId, intent, status }: Row): string | null {
  if (status === 'SUCCESS' || targetId !== null) return targetId
  return intent?.kind === 'id' ? intent.id : null
}

const common = (done: Row, reason: string, edgeCounts: readonly EdgeCount[]): Row =>
  newRow({
    ...{ phase: done.phase, qualifier: done.qualifier, sourceId: done.sourceId, targetId: done.targetId },
    ...{ reason, edgeCounts, writes: [], policy: null },
  })

const planned = (done: Row, parts: Partial<Row>, { own, earlier }: LinkBack): Row => ({
  ...common(done, '', []),
  targetId: null,
  ...parts,
  link: own,
  undo: { row: done.key, link: earlier },
})

const INVERSE: Readonly<Record<string, string>> = { CREATE: 'DELETE', DELETE: 'CREATE', LINK: 'UNLINK', UNLINK: 'LINK' }

const skipped = (done: Row, reason: string, notes: readonly EdgeCount[] = []): Row => ({
  ...common(done, reason, notes),
  action: INVERSE[done.action] ?? done.action,
  status: 'SKIPPED',
  failure: { code: 409, reason: 'Conflict', message: reason },
})

const why_ = (reasons: readonly string[], edgeCounts: readonly EdgeCount[] = []) => ({
  reason: reasons.join('; '),
  edgeCounts,
})

const counted = (note: EdgeCount['note'], fields: readonly string[]): EdgeCount[] =>
  fields.map((field) => ({ note, field, count: 1 }))

const named = (fields: readonly string[], what: string): string[] =>
  fields.length > 0 ? [`${what}: ${fields.join(', ')}`] : []

const HIDDEN = 'cannot come back'
const UNKNOWN = 'nothing tells whether the run carried it out: it is left alone'
