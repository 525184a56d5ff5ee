/** Rows of a plan, for people and for spreadsheets. */
import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { csvLine } from '../csv.ts'
import { printable, shown, wrapped } from '../text.ts'

/** One row with its reason, its changes and the writes of its scripts. @param label stands before it */
export function entryLines(entry: JsonObject, width: number, label = ''): string[] {
  const { sourceObjectId, targetObjectId, reason, message, changes, writes } = entry
  const name = [sourceObjectId ?? '—', targetObjectId ?? '—'].map(String).join(' → ')
  return [
    ...wrapped(`${label}${name}: ${String(message ?? reason)}`, width, 2),
    ...objectsIn(changes).flatMap((change) => (change.edges ? edgeLines(change, width) : changeLine(change, width))),
    ...objectsIn(writes).map((write) => writeLine(write, width)),
  ]
}

/** What is done in a row, where neither counts nor a heading say so: `ABSENT → CREATE, failed: `. */
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

/** Both values in one line, which is too long only when the field's name is. */
function changeLine({ field, from, to }: JsonObject, columns: number): string {
  const start = `      ${printable(String(field))}: `
  const width = Math.max(16, columns - start.length - ' → '.length)
  const before = shown(from, Math.max(Math.floor(width / 2), width - shown(to, width).length))
  return `${start}${before} → ${shown(to, width - before.length)}`
}

/** `roles: + Sales, − Support (no counterpart: Legacy)`; ± has other properties. */
function edgeLines({ field, from, to, edges }: JsonObject, columns: number): string[] {
  const [come, gone] = [farIds(to), farIds(from)]
  const both = come.filter((id) => gone.includes(id))
  const only = (ids: readonly string[]) => ids.filter((id) => !both.includes(id))
  const parts = [...some('+', only(come)), ...some('−', only(gone)), ...some('±', both)]
  const { missing, missingCount, openCount } = isObject(edges) ? edges : {}
  const what = openCount === missingCount ? 'no counterpart yet' : 'no counterpart'
  const names = Array.isArray(missing) ? missing.map(String) : []
  const rest = Number(missingCount ?? 0) - names.length
  const lacking = `${what}: ${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
  const note = names.length === 0 ? [] : [parts.length === 0 ? lacking : `(${lacking})`]
  return wrapped(
    `${String(field).slice(1)}: ${[parts.join(', '), ...note].filter((text) => text !== '').join(' ')}`,
    columns,
    6,
  )
}

const MAX_EDGES = 10

const some = (sign: string, ids: readonly string[]): string[] => [
  ...ids.slice(0, MAX_EDGES).map((id) => `${sign} ${id}`),
  ...(ids.length > MAX_EDGES ? [`${sign} ${ids.length - MAX_EDGES} more`] : []),
]

/** The ids of the far objects in a list of references, or in a single one. */
const farIds = (value: unknown): string[] =>
  objectsIn(Array.isArray(value) ? value : [value]).map(({ _ref }) => String(_ref).split('/').at(-1) ?? '')

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

/** A line for each field that changes; one for a row that changes none. */
export function csvLines(entry: JsonObject, ...first: readonly string[]): string {
  const common = [...first, ...COLUMNS.map((name) => csvText(entry[name]))]
  const changes = objectsIn(entry.changes)
  if (changes.length === 0) return csvLine([...common, '', '', ''])
  return changes.map(({ field, from, to }) => csvLine([...common, csvText(field), csvText(from), csvText(to)])).join('')
}

function csvText(value: Json | undefined): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

export const objectsIn = (list: unknown): JsonObject[] =>
  Array.isArray(list) ? list.filter((one) => isObject(one)) : []
