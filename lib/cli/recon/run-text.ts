import type { JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { GatewayApi } from '../gateway-api.ts'
import { table, wrapped } from '../text.ts'

/** Max failures listed for one run. */
const MAX_FAILURES = 10
/** Max fields listed in one note. */
const MAX_FIELDS = 5

const FIELD_NOTES: readonly (readonly [note: string, text: string])[] = [
  ['unseen', 'Sets fields that the target does not show'],
  ['notTakenOver', 'The target shows other values than it was sent'],
  ['writtenAgain', 'The target keeps other values than it was sent before'],
]

/** Id, and the rest in one line. */
export function runCells(run: JsonObject): [id: string, text: string] {
  const { SUCCESS = 0, FAILURE = 0, DEFERRED = 0 } = isObject(run.statusSummary) ? run.statusSummary : {}
  const deferred = DEFERRED === 0 ? '' : `, ${String(DEFERRED)} deferred`
  const counts = `${String(SUCCESS)} done, ${String(FAILURE)} failed${deferred}`
  const times = `${String(run.started)}, ${Math.round(Number(run.duration ?? 0) / 100) / 10} s`
  return [String(run._id), `${String(run.mapping)}  ${String(run.state)}  ${counts}  ${times}`]
}

/** A run: what it did, what failed, and what to know about its fields. */
export async function runText(api: GatewayApi, run: JsonObject, width: number): Promise<string> {
  const target = isObject(run.progress) && isObject(run.progress.target) ? run.progress.target : {}
  const situations = Object.entries(isObject(run.situationSummary) ? run.situationSummary : {})
  const counts = situations.flatMap(([name, count]) => (count === 0 ? [] : [[String(count), name]]))
  const did = ['created', 'updated', 'unchanged', 'deleted'].map((word) => `${String(target[word] ?? 0)} ${word}`)
  return [
    runCells(run).join('  '),
    ...wrapped(String(run.stageDescription), width),
    `Targets: ${did.join(', ')}`,
    ...table(counts, { width, indent: 2, numbered: true }).split('\n').slice(0, -1),
    ...(await failures(api, run, width)),
    ...notes(run, width),
    '',
  ].join('\n')
}

async function failures(api: GatewayApi, run: JsonObject, width: number): Promise<string[]> {
  const params = { _queryFilter: 'status eq "FAILURE"', _pageSize: String(MAX_FAILURES) }
  const entries = await api.query(`recon/plan/${String(run._id)}/entry`, params)
  const lines = entries.flatMap(({ sourceObjectId, targetObjectId, message }) =>
    wrapped(`${String(sourceObjectId ?? '—')} → ${String(targetObjectId ?? '—')}: ${String(message)}`, width, 2),
  )
  return lines.length === 0 ? [] : ['Failed, for example', ...lines]
}

/** Warnings of a run, and fields that targets do not show or keep as they were sent. */
export function notes({ warnings, fieldSummary }: JsonObject, width: number): string[] {
  const summary = isObject(fieldSummary) ? fieldSummary : {}
  const texts = [
    ...FIELD_NOTES.flatMap(([note, text]) => fieldNote(text, summary[note])),
    ...(Array.isArray(warnings) ? warnings.map((warning) => `WARNING: ${String(warning)}`) : []),
  ]
  return texts.flatMap((text) => wrapped(text, width))
}

function fieldNote(text: string, counts: unknown): string[] {
  const fields = isObject(counts) ? Object.entries(counts) : []
  if (fields.length === 0) return []
  const named = fields.slice(0, MAX_FIELDS).map(([field, count]) => `${field} (${String(count)})`)
  const rest = fields.length > MAX_FIELDS ? ` and ${fields.length - MAX_FIELDS} more` : ''
  return [`${text}: ${named.join(', ')}${rest}`]
}
