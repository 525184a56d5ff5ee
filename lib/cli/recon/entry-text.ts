/** Rows of a plan, for people and for spreadsheets. */
import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { csvLine } from '../csv.ts'
import { printable, shown, wrapped } from '../text.ts'

/** A reference is relative to the instance at its side of the mapping. */
export type Side = 'source' | 'target'

/** What a person calls the object that a reference leads to. */
export type NameOf = (side: Side, reference: string) => string

/** One row with its reason, its changes and the writes of its scripts. @param label stands before it */
export function entryLines(entry: JsonObject, width: number, label = '', nameOf: NameOf = idAt): string[] {
  const { sourceObjectId, targetObjectId, reason, message, changes, writes } = entry
  const name = [sourceObjectId ?? '—', targetObjectId ?? '—'].map(String).join(' → ')
  return [
    ...wrapped(`${label}${name}: ${String(message ?? reason)}`, width, 2),
    ...objectsIn(changes).flatMap((change) =>
      change.edges ? edgeLines(change, width, nameOf) : changeLine(change, width),
    ),
    ...objectsIn(writes).map((write) => writeLine(write, width)),
  ]
}

/** Situation, action and outcome of a row in a list without headings: `ABSENT → CREATE, failed: `. */
export function entryLabel({ situation, action, status }: JsonObject): string {
  const outcome = typeof status === 'string' ? `, ${OUTCOMES[status] ?? status}` : ''
  return `${String(situation ?? '—')} → ${String(action ?? '—')}${outcome}: `
}

const OUTCOMES: Readonly<Record<string, string>> = {
  SUCCESS: 'done',
  FAILURE: 'failed',
  DEFERRED: 'deferred',
  SKIPPED: 'skipped',
  INTENDED: 'under way',
  UNKNOWN: 'outcome unknown',
}

/** Both values in one line, shortened to its width. */
function changeLine(change: JsonObject, columns: number): string {
  const { field, from, to } = change
  const start = `      ${printable(String(field))}: `
  const note = noteOf(change)
  const end = note === '' ? '' : ` (${note})`
  const width = Math.max(16, columns - start.length - end.length - ' → '.length)
  const before = shown(from, Math.max(Math.floor(width / 2), width - shown(to, width).length))
  return `${start}${before} → ${shown(to, width - before.length)}${end}`
}

/** What becomes of a field that the target has changed since both sides last agreed; empty for any other. */
function noteOf({ kept, conflict }: JsonObject): string {
  if (typeof conflict === 'string') return CONFLICTS[conflict] ?? conflict
  return kept === true ? 'kept: changed at the target' : ''
}

const CONFLICTS: Readonly<Record<string, string>> = {
  source: 'changed on both sides: the source wins',
  target: 'kept: changed on both sides, and the target wins',
  exception: 'changed on both sides',
}

/** `roles: + Sales, − Support (no counterpart: Legacy)`; `±`: the properties of the edge change. */
function edgeLines({ field, from, to, edges }: JsonObject, columns: number, nameOf: NameOf): string[] {
  const [come, gone] = [references(to), references(from)]
  const both = come.filter((one) => gone.includes(one))
  const names = (list: readonly string[]) => list.map((one) => nameOf('target', one))
  const only = (list: readonly string[]) => names(list.filter((one) => !both.includes(one)))
  const parts = [...some('+', only(come)), ...some('−', only(gone)), ...some('±', names(both))]
  const { missing, missingCount, openCount } = isObject(edges) ? edges : {}
  const what = openCount === missingCount ? 'no counterpart yet' : 'no counterpart'
  const lacking = Array.isArray(missing) ? missing.map((one) => nameOf('source', String(one))) : []
  const rest = Number(missingCount ?? 0) - lacking.length
  const text = `${what}: ${lacking.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
  const note = lacking.length === 0 ? [] : [parts.length === 0 ? text : `(${text})`]
  const shown = [parts.join(', '), ...note].filter((part) => part !== '')
  return wrapped(`${String(field).slice(1)}: ${shown.join(' ')}`, columns, 6)
}

const MAX_EDGES = 10

const some = (sign: string, names: readonly string[]): string[] => [
  ...names.slice(0, MAX_EDGES).map((name) => `${sign} ${name}`),
  ...(names.length > MAX_EDGES ? [`${sign} ${names.length - MAX_EDGES} more`] : []),
]

/** Of a list of references, or of a single one. */
export const references = (value: unknown): string[] =>
  objectsIn(Array.isArray(value) ? value : [value]).flatMap(({ _ref }) => (typeof _ref === 'string' ? [_ref] : []))

export const idOf = (reference: string): string => reference.split('/').at(-1) ?? ''

const idAt: NameOf = (_side, reference) => idOf(reference)

function writeLine({ method, path, action, content }: JsonObject, columns: number): string {
  const start = printable(`      script: ${String(action ?? method)} ${String(path)} `)
  return `${start}${shown(content, Math.max(16, columns - start.length))}`
}

const COLUMNS = [
  'situation',
  'action',
  'linkQualifier',
  'sourceObjectId',
  'targetObjectId',
  'status',
  'reason',
  'message',
] as const

/** @param first columns before those of an entry */
export const csvHeader = (...first: readonly string[]): string => csvLine([...first, ...COLUMNS, 'field', 'from', 'to'])

/** A line for each field that differs; one for a row without any. */
export function csvLines(entry: JsonObject, ...first: readonly string[]): string {
  const common = [...first, ...COLUMNS.map((name) => csvText(entry[name]))]
  const changes = objectsIn(entry.changes)
  if (changes.length === 0) return csvLine([...common, '', '', ''])
  return changes
    .map((change) => {
      const { field, from, to } = change
      const note = noteOf(change)
      const name = note === '' ? csvText(field) : `${csvText(field)} (${note})`
      return csvLine([...common, name, csvText(from), csvText(to)])
    })
    .join('')
}

function csvText(value: Json | undefined): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

export const objectsIn = (list: unknown): JsonObject[] =>
  Array.isArray(list) ? list.filter((one) => isObject(one)) : []
