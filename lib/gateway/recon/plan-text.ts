import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../util/json.ts'
import type { ReconApi } from './recon-api.ts'
import { printable } from './run-text.ts'

interface Kind {
  readonly situation: string
  readonly action: string
  readonly count: number
}

/** So many examples of each kind. */
const EXAMPLES = 3
/** A share of the targets to warn about when a run would delete or overwrite more. */
const NOTABLE = 0.1

/** The plan of an analysis, as a person reads it. */
export async function planText(api: ReconApi, run: JsonObject): Promise<string> {
  const id = String(run._id)
  const kinds = kindsOf(await api.read(`recon/plan/${id}`))
  const lines = [`Plan of ${String(run.mapping)}: ${sum(kinds)} decisions`, '']
  const width = Math.max(0, ...kinds.map(({ situation }) => situation.length))
  for (const { situation, action, count } of kinds)
    lines.push(`  ${String(count).padStart(8)}  ${situation.padEnd(width)}  ${action}`)
  for (const kind of kinds) lines.push(...(await examples(api, id, kind)))
  return `${[...lines, ...warnings(run, kinds)].join('\n')}\n`
}

async function examples(api: ReconApi, id: string, { situation, action }: Kind): Promise<string[]> {
  const filter = `situation eq "${situation}" and action eq "${action}"`
  const entries = await api.query(`recon/plan/${id}/entry`, { _queryFilter: filter, _pageSize: String(EXAMPLES) })
  if (entries.length === 0) return []
  return ['', `${situation} → ${action}, for example`, ...entries.flatMap(entryLines)]
}

function entryLines(entry: JsonObject): string[] {
  const { sourceObjectId, targetObjectId, reason, changes } = entry
  const name = [sourceObjectId ?? '—', targetObjectId ?? '—'].map(String).join(' → ')
  const list = Array.isArray(changes) ? changes.filter((change) => isObject(change)) : []
  return [
    printable(`  ${name}: ${String(reason)}`),
    ...list.map(({ field, from, to }) => `      ${printable(String(field))}: ${shown(from)} → ${shown(to)}`),
  ]
}

/** Short; JSON has escapes in place of control characters. */
function shown(value: Json | undefined): string {
  const text = JSON.stringify(value ?? null)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

function warnings(run: JsonObject, kinds: readonly Kind[]): string[] {
  const targets = targetsOf(run)
  const lines: string[] = []
  for (const [action, word] of [
    ['DELETE', 'delete'],
    ['UPDATE', 'overwrite'],
  ] as const) {
    const unchanged = action === 'UPDATE' ? unchangedOf(run) : 0
    const count = sum(kinds.filter((kind) => kind.action === action)) - unchanged
    if (targets > 0 && count / targets > NOTABLE)
      lines.push(
        `WARNING: this would ${word} ${count} of ${targets} targets (${Math.round((100 * count) / targets)} %)`,
      )
  }
  return lines.length > 0 ? ['', ...lines] : []
}

const targetOf = ({ progress }: JsonObject): JsonObject =>
  isObject(progress) && isObject(progress.target) ? progress.target : {}

function targetsOf(run: JsonObject): number {
  const { existing } = targetOf(run)
  return isObject(existing) && existing.total !== '?' ? Number(existing.total) : 0
}

const unchangedOf = (run: JsonObject): number => Number(targetOf(run).unchanged ?? 0)

const sum = (kinds: readonly Kind[]): number => kinds.reduce((total, { count }) => total + count, 0)

function kindsOf(plan: JsonObject | null): Kind[] {
  const counts = plan && Array.isArray(plan.counts) ? plan.counts.filter((entry) => isObject(entry)) : []
  return counts.map(({ situation, action, count }) => ({
    situation: String(situation),
    action: String(action),
    count: Number(count),
  }))
}
