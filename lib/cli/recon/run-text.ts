import type { JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { RowStatus } from '../../repo/runs/run-row.ts'
import type { GatewayApi } from '../gateway-api.ts'
import { printable, table, wrapped } from '../text.ts'

/** Max rows listed for each status. */
const MAX_EXAMPLES = 10
/** Max fields listed in one note. */
const MAX_FIELDS = 5

const FIELD_NOTES: readonly (readonly [note: string, text: string])[] = [
  ['unseen', 'Sets fields that the target does not show'],
  ['notTakenOver', 'The target shows other values than it was sent'],
  ['writtenAgain', 'The target keeps other values than it was sent before'],
  ['notShown', 'Left alone, since one side does not show the relationship'],
  ['noCounterpart', 'Left out, since the other object has no counterpart'],
  ['noCounterpartYet', 'The other object had no counterpart when the plan was made'],
  ['conditional', 'Left out, since the target grants it by a condition'],
  ['changedSince', 'Left alone, since the field has changed after the run'],
  ['cannotComeBack', 'Cannot come back, since the target does not show it or does not take it'],
  ['leftAlone', 'Left alone at the target, since the other object has no counterpart'],
]

/** The runs, one a line; at a terminal, the id stands above the rest. @param width of the terminal */
export function runList(runs: readonly JsonObject[], width: number | undefined): string {
  if (width === undefined) return runs.map((run) => `${runLine(run)}\n`).join('')
  return runs
    .flatMap((run) => [String(run._id), ...wrapped(about(run), width, 2)])
    .map((line) => `${line}\n`)
    .join('')
}

const runLine = (run: JsonObject): string => printable(`${String(run._id)}  ${about(run)}`)

/** Mapping, kind, state, counts, author, times. */
const about = (run: JsonObject): string =>
  [String(run.mapping), kindOf(run), stateOf(run), counts(run), times(run)].join('  ')

const kindOf = (run: JsonObject): string => {
  const { kind = 'run', pilot, undoes } = run
  const word = pilot !== undefined ? 'pilot ' : changesText(run).length > 0 ? 'incremental ' : ''
  return `${word}${String(kind)}${undoes === undefined ? '' : ` of ${String(undoes)}`}`
}

/** Of a run that asked only for what changed: since when. */
export function changesText({ incremental }: JsonObject): string[] {
  const { changedSince, retried } = isObject(incremental) ? incremental : {}
  if (typeof changedSince !== 'string') return []
  const again = typeof retried === 'number' ? `, and for ${retried} that had failed` : ''
  return [`Asked for sources that changed since ${changedSince}${again}`]
}

/** Sources that failed, and that the next run over what changed takes again. */
function waitingText({ incremental }: JsonObject): string[] {
  const { waiting } = isObject(incremental) ? incremental : {}
  const count = Number(waiting ?? 0)
  return count > 0 ? [`The next run with --changed takes ${count} sources that failed again`] : []
}

function times({ startedBy, started, duration, stageDescription }: JsonObject): string {
  // Its content cannot be read; the description says why.
  if (typeof started !== 'string') return String(stageDescription)
  const by = typeof startedBy === 'string' ? `by ${startedBy} at ` : ''
  return `${by}${String(started)}, ${Math.round(Number(duration ?? 0) / 100) / 10} s`
}

const stateOf = ({ state, stage, resumable }: JsonObject): string =>
  resumable === true ? `${String(stage)}, can be resumed` : String(state)

/** The word for successful rows of a run that writes nothing. */
const DONE: Readonly<Record<string, string>> = { plan: 'planned', verify: 'compared', 'undo plan': 'planned' }

/** Rows of a run by outcome. */
function counts(run: JsonObject): string {
  const statuses = isObject(run.statusSummary) ? run.statusSummary : {}
  const number = (name: string): number => Number(statuses[name] ?? 0)
  const words = [
    [number('SUCCESS'), DONE[String(run.kind)] ?? 'done'],
    [number('FAILURE'), 'failed'],
    [number('DEFERRED'), 'deferred'],
    [number('SKIPPED'), 'skipped'],
    [number('UNKNOWN'), 'unknown'],
  ] as const
  return words.flatMap(([count, word], index) => (count > 0 || index < 2 ? [`${count} ${word}`] : [])).join(', ')
}

/** A run: what it did, what failed, and what to know about its fields. */
export async function runText(api: GatewayApi, run: JsonObject, width: number): Promise<string> {
  const target = isObject(run.progress) && isObject(run.progress.target) ? run.progress.target : {}
  const situations = Object.entries(isObject(run.situationSummary) ? run.situationSummary : {})
  const rows = situations.flatMap(([name, count]) => (count === 0 ? [] : [[String(count), name]]))
  const did = ['created', 'updated', 'unchanged', 'deleted'].map((word) => `${String(target[word] ?? 0)} ${word}`)
  const lines = [
    String(run._id),
    `${String(run.mapping)}  ${kindOf(run)}  ${stateOf(run)}  ${counts(run)}`,
    ...(typeof run.started === 'string' ? [`Started ${times(run)}`] : []),
    ...changesText(run),
    String(run.stageDescription),
    ...waitingText(run),
    ...(String(run.kind) in DONE ? [] : [`Targets: ${did.join(', ')}`]),
  ]
  return [
    ...lines.flatMap((line) => wrapped(line, width)),
    ...table(rows, { width, indent: 2, numbered: true }).split('\n').slice(0, -1),
    ...(await examples(api, run, width, 'Failed', 'FAILURE')),
    ...(await examples(api, run, width, 'Skipped', 'SKIPPED')),
    ...(await examples(api, run, width, 'Unknown', 'UNKNOWN')),
    ...notes(run, width),
    '',
  ].join('\n')
}

async function examples(
  api: GatewayApi,
  run: JsonObject,
  width: number,
  word: string,
  status: RowStatus,
): Promise<string[]> {
  const { [status]: count = 0 } = isObject(run.statusSummary) ? run.statusSummary : {}
  if (count === 0) return []
  const params = { _queryFilter: `status eq "${status}"`, _pageSize: String(MAX_EXAMPLES) }
  const entries = await api.query(`recon/plan/${String(run._id)}/entry`, params)
  const lines = entries.flatMap(({ sourceObjectId, targetObjectId, message }) =>
    wrapped(`${String(sourceObjectId ?? '—')} → ${String(targetObjectId ?? '—')}: ${String(message)}`, width, 2),
  )
  return lines.length === 0 ? [] : [`${word}, for example`, ...lines]
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
