import type { JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { notes, printable, shown, wrapped } from './notes-text.ts'
import type { ReconApi } from './recon-api.ts'

/** Rows of one situation and action, by what becomes of them. */
interface Kind {
  readonly situation: string
  readonly action: string
  readonly count: number
  /** To be carried out. */
  readonly waiting: number
  readonly deferred: number
  readonly failed: number
  /** Rows that change a field of their target. */
  readonly changing: number
  readonly writing: number
  readonly approximate: number
}

/** So many examples of each kind. */
const EXAMPLES = 3
/** A share of the targets to warn about when a run would delete or overwrite more. */
const NOTABLE = 0.1
/** With these there may be nothing to do. */
const COMPARING: ReadonlySet<string> = new Set(['UPDATE', 'UNLINK', 'LINK'])

/** The plan of an analysis, as a person reads it. */
export async function planText(api: ReconApi, run: JsonObject): Promise<string> {
  const id = String(run._id)
  const kinds = kindsOf(await api.read(`recon/plan/${id}`))
  const lines = [`Plan of ${String(run.mapping)}: ${sum(kinds, 'count')} decisions`, '']
  const width = Math.max(0, ...kinds.map(({ situation }) => situation.length))
  for (const [count, situation, what] of kinds.flatMap(linesOf))
    lines.push(`  ${String(count).padStart(8)}  ${situation.padEnd(width)}  ${what}`)
  for (const { situation, action, waiting } of kinds)
    if (waiting > 0) lines.push(...(await examples(api, id, `${situation} → ${action}`, waitingFor(situation, action))))
  if (sum(kinds, 'failed') > 0) lines.push(...(await examples(api, id, 'Failed', 'status eq "FAILURE"')))
  const last = [...hints(kinds), ...notes(run), ...warnings(run, kinds)]
  return `${[...lines, ...(last.length > 0 ? ['', ...last] : [])].join('\n')}\n`
}

type Line = readonly [count: number, situation: string, what: string]

/** What is to be done, what is as it should be, what waits, and what failed: each in a line of its own. */
function linesOf({ situation, action, count, waiting, deferred, failed }: Kind): Line[] {
  const done = count - waiting - deferred - failed
  const isUnchanged = COMPARING.has(action)
  const lines: Line[] = [
    [isUnchanged ? waiting : waiting + done, situation, action],
    [isUnchanged ? done : 0, situation, 'unchanged'],
    [deferred, situation, `${action}, deferred`],
    [failed, situation, 'failed'],
  ]
  return lines.filter(([number]) => number > 0)
}

const waitingFor = (situation: string, action: string): string =>
  `situation eq "${situation}" and action eq "${action}" and !(status pr)`

async function examples(api: ReconApi, id: string, title: string, filter: string): Promise<string[]> {
  const entries = await api.query(`recon/plan/${id}/entry`, { _queryFilter: filter, _pageSize: String(EXAMPLES) })
  return entries.length === 0 ? [] : ['', `${title}, for example`, ...entries.flatMap(entryLines)]
}

function entryLines(entry: JsonObject): string[] {
  const { sourceObjectId, targetObjectId, reason, message, changes, writes } = entry
  const name = [sourceObjectId ?? '—', targetObjectId ?? '—'].map(String).join(' → ')
  return [
    ...wrapped(`  ${name}: ${String(message ?? reason)}`, '    '),
    ...objectsIn(changes).map(changeLine),
    ...objectsIn(writes).map(writeLine),
  ]
}

/** Both values in one line of 80 columns, unless the name of the field alone is long. */
function changeLine({ field, from, to }: JsonObject): string {
  const start = `      ${printable(String(field))}: `
  const width = Math.max(16, 80 - start.length - ' → '.length)
  const before = shown(from, Math.max(Math.floor(width / 2), width - shown(to, width).length))
  return `${start}${before} → ${shown(to, width - before.length)}`
}

function writeLine({ method, path, action, content }: JsonObject): string {
  const start = printable(`      script: ${String(action ?? method)} ${String(path)} `)
  return `${start}${shown(content, Math.max(16, 80 - start.length))}`
}

function hints(kinds: readonly Kind[]): string[] {
  const [deferred, writing, approximate] = [sum(kinds, 'deferred'), sum(kinds, 'writing'), sum(kinds, 'approximate')]
  return [
    deferred > 0 && `${deferred} deferred: they wait until all sources are assessed (--accept-unassessed)`,
    writing > 0 && `Scripts write something for ${writing} of these.`,
    approximate > 0 &&
      `${approximate} are approximate: their scripts read what they have changed, or ask for an action that is not known. They are skipped without --allow-approximate.`,
  ].flatMap((line) => (line === false ? [] : wrapped(line)))
}

function warnings(run: JsonObject, kinds: readonly Kind[]): string[] {
  const targets = targetsOf(run)
  const of = (action: string) => kinds.filter((kind) => kind.action === action)
  const counts = [
    ['delete', sum(of('DELETE'), 'waiting')],
    ['overwrite', sum(of('UPDATE'), 'changing')],
  ] as const
  return counts.flatMap(([word, count]) =>
    targets > 0 && count / targets > NOTABLE
      ? [`WARNING: this would ${word} ${count} of ${targets} targets (${Math.round((100 * count) / targets)} %)`]
      : [],
  )
}

function targetsOf({ progress }: JsonObject): number {
  const { existing } = isObject(progress) && isObject(progress.target) ? progress.target : {}
  return isObject(existing) && existing.total !== '?' ? Number(existing.total) : 0
}

const sum = (kinds: readonly Kind[], name: keyof Omit<Kind, 'situation' | 'action'>): number =>
  kinds.reduce((total, kind) => total + kind[name], 0)

const objectsIn = (list: unknown): JsonObject[] => (Array.isArray(list) ? list.filter((one) => isObject(one)) : [])

function kindsOf(plan: JsonObject | null): Kind[] {
  return objectsIn(plan?.counts).map((counts) => {
    const number = (name: string): number => Number(counts[name] ?? 0)
    return {
      situation: String(counts.situation),
      action: String(counts.action),
      count: number('count'),
      waiting: number('waiting'),
      deferred: number('deferred'),
      failed: number('failed'),
      changing: number('changing'),
      writing: number('writing'),
      approximate: number('approximate'),
    }
  })
}
