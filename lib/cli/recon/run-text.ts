import type { JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { notes, wrapped } from './notes-text.ts'
import type { ReconApi } from './recon-api.ts'

/** So many failures are named. */
const NAMED = 10

/** One run in one line. */
export function runLine(run: JsonObject): string {
  const { SUCCESS = 0, FAILURE = 0, DEFERRED = 0 } = isObject(run.statusSummary) ? run.statusSummary : {}
  const deferred = DEFERRED === 0 ? '' : `, ${String(DEFERRED)} deferred`
  const times = `${String(run.started)}, ${Math.round(Number(run.duration ?? 0) / 100) / 10} s`
  return `${String(run._id)}  ${String(run.mapping)}  ${String(run.state)}  ${String(SUCCESS)} done, ${String(FAILURE)} failed${deferred}  ${times}`
}

/** One run with what it did and what failed. */
export async function runText(api: ReconApi, run: JsonObject): Promise<string> {
  const { created, updated, unchanged, deleted } = targetOf(run)
  const counts = Object.entries(isObject(run.situationSummary) ? run.situationSummary : {}).filter(
    ([, count]) => count !== 0,
  )
  const did = [
    ['created', created],
    ['updated', updated],
    ['unchanged', unchanged],
    ['deleted', deleted],
  ].map(([word, count]) => `${String(count ?? 0)} ${String(word)}`)
  return [
    runLine(run),
    String(run.stageDescription),
    `Targets: ${did.join(', ')}`,
    ...counts.map(([situation, count]) => `  ${String(count).padStart(8)}  ${situation}`),
    ...(await failed(api, run)),
    ...notes(run),
    '',
  ].join('\n')
}

async function failed(api: ReconApi, run: JsonObject): Promise<string[]> {
  const params = { _queryFilter: 'status eq "FAILURE"', _pageSize: String(NAMED) }
  const entries = await api.query(`recon/plan/${String(run._id)}/entry`, params)
  const lines = entries.flatMap(({ sourceObjectId, targetObjectId, message }) =>
    wrapped(`  ${String(sourceObjectId ?? '—')} → ${String(targetObjectId ?? '—')}: ${String(message)}`, '    '),
  )
  return lines.length === 0 ? [] : ['Failed, for example', ...lines]
}

const targetOf = ({ progress }: JsonObject): JsonObject =>
  isObject(progress) && isObject(progress.target) ? progress.target : {}

export const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

/** @throws Error when there is no such run */
export async function existingRun(api: ReconApi, id: string): Promise<JsonObject> {
  const run = await api.read(`recon/${encodeURIComponent(id)}`)
  if (!run) throw new Error(`there is no run ${JSON.stringify(id)}`)
  return run
}
