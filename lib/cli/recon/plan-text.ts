import type { JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { CommandIo } from '../command.ts'
import type { ApiOptions, GatewayApi } from '../gateway-api.ts'
import { table, wrapped } from '../text.ts'
import { entryLines, objectsIn } from './entry-text.ts'
import { FarNames } from './far-names.ts'
import { reconCommand } from './next-command.ts'
import { changesText, notes } from './run-text.ts'

/** The rows of one situation and action, counted by outcome. */
interface Kind {
  readonly situation: string
  readonly action: string
  readonly count: number
  /** Will be executed. */
  readonly waiting: number
  readonly deferred: number
  readonly failed: number
  readonly skipped: number
  /** Rows that change a field of their target. */
  readonly changing: number
  readonly writing: number
  readonly approximate: number
}

/** Max examples of each kind. */
const MAX_EXAMPLES = 3
/** Warn when a run would delete or overwrite a larger share of the targets. */
const WARNING_SHARE = 0.1
/** A row of these actions may turn out to change nothing. */
const COMPARING: ReadonlySet<string> = new Set(['UPDATE', 'UNLINK', 'LINK'])

/** The plan of an analysis: counts, examples, hints and warnings. */
export async function planText(api: GatewayApi, run: JsonObject, plan: JsonObject, width: number): Promise<string> {
  const id = String(run._id)
  if (typeof run.started !== 'string') return `${wrapped(String(run.stageDescription), width).join('\n')}\n`
  const isUndo = run.undoes !== undefined
  const kinds = kindsOf(plan)
  const counts = table(
    kinds.flatMap((kind) => rowsOf(kind, isUndo ? UNDO : '')),
    { width, indent: 2, numbered: true },
  )
  const lines = [
    `Plan ${!isUndo ? 'of' : `to undo ${String(run.undoes)} of`} ${String(run.mapping)}: ${sum(kinds, 'count')} decisions`,
    ...changesText(run).flatMap((text) => wrapped(text, width)),
    ...planState(plan, width),
    ...(counts === '' ? [] : ['', ...counts.trimEnd().split('\n')]),
  ]
  const names = new FarNames(api, String(run.mapping))
  const example = async (title: string, filter: string) =>
    lines.push(...(await examples({ api, id, names }, title, filter, width)))
  for (const { situation, action, waiting } of kinds)
    if (waiting > 0) await example(`${situation || UNDO} → ${action}`, waitingFor(situation, action))
  if (sum(kinds, 'failed') > 0) await example('Failed', 'status eq "FAILURE"')
  if (sum(kinds, 'skipped') > 0) await example('Skipped', 'status eq "SKIPPED"')
  const last = [...hints(kinds).flatMap((hint) => wrapped(hint, width)), ...notes(run, width), ...warnings(run, kinds)]
  return `${[...lines, ...(last.length > 0 ? ['', ...last] : [])].join('\n')}\n`
}

const STATES: Readonly<Record<string, string>> = {
  WAITING: 'It waits for approval.',
  PARTLY: 'A part of it was executed.',
  EXECUTED: 'It was executed.',
  EXPIRED: 'It has expired: make another plan.',
  CHANGED: 'The mapping, a script or an address has changed since: make another plan.',
}

/** Who made, approved and executed a plan, and whether it can be executed. */
export function planState(plan: JsonObject, width: number): string[] {
  const { state, madeBy, madeAt, validUntil, approval, executions } = plan
  if (typeof state !== 'string') return []
  const texts = [
    `Made by ${String(madeBy ?? 'somebody')} at ${String(madeAt)}`,
    ...(validUntil === null ? [] : [`Valid until ${String(validUntil)}`]),
    ...(isObject(approval) ? [`Approved by ${String(approval.by)} at ${String(approval.at)}`] : []),
    ...objectsIn(executions).map(
      ({ run, by, at, count }) =>
        `Executed by ${String(by)} at ${String(at)}: ${String(count)} rows, run ${String(run)}`,
    ),
    ...[STATES[String(state)] ?? []].flat(),
  ]
  return texts.flatMap((text) => wrapped(text, width))
}

/** What to type next, one command a line. */
export function nextSteps(id: string, { state, mapping }: JsonObject, options: ApiOptions, io: CommandIo): string {
  const waits = state === 'WAITING'
  const isOver = typeof state !== 'string' || state === 'EXECUTED' || state === 'EXPIRED' || state === 'CHANGED'
  const name = String(mapping)
  const steps = [
    // An executed plan has no rows left.
    ...(state === 'EXECUTED' ? [['verify', name]] : [['plan', id, '--only', 'changes']]),
    ...(waits ? [['approve', id]] : []),
    ...(isOver ? [] : [['execute', id]]),
    ...(state === 'EXPIRED' || state === 'CHANGED' ? [[name, '--dry-run']] : []),
  ]
  return `\nNext:\n${steps.map((words) => `  ${reconCommand(options, io, ...words)}\n`).join('')}`
}

/** Pending, unchanged, deferred and failed rows: one line each. */
function rowsOf({ situation, action, count, waiting, deferred, failed, skipped }: Kind, unnamed: string): string[][] {
  const done = count - waiting - deferred - failed - skipped
  const isUnchanged = COMPARING.has(action)
  const rows: [number, string][] = [
    [isUnchanged ? waiting : waiting + done, action],
    [isUnchanged ? done : 0, 'unchanged'],
    [deferred, `${action}, deferred`],
    [failed, 'failed'],
    [skipped, `${action}, skipped`],
  ]
  return rows.flatMap(([number, what]) => (number > 0 ? [[String(number), situation || unnamed, what]] : []))
}

/** Rows of an undo have no situation. */
const UNDO = 'undo'

const waitingFor = (situation: string, action: string): string =>
  `${situation === '' ? '!(situation pr)' : `situation eq "${situation}"`} and action eq "${action}" and !(status pr)`

interface ExamplesOptions {
  readonly api: GatewayApi
  /** Of the plan. */
  readonly id: string
  readonly names: FarNames
}

async function examples({ api, id, names }: ExamplesOptions, title: string, filter: string, width: number) {
  const entries = await api.query(`recon/plan/${id}/entry`, { _queryFilter: filter, _pageSize: String(MAX_EXAMPLES) })
  await names.learn(entries)
  const lines = entries.flatMap((entry) => entryLines(entry, width, '', names.nameOf))
  return lines.length === 0 ? [] : ['', `${title}, for example`, ...lines]
}

function hints(kinds: readonly Kind[]): string[] {
  const [deferred, writing, approximate] = [sum(kinds, 'deferred'), sum(kinds, 'writing'), sum(kinds, 'approximate')]
  return [
    deferred > 0 ? [`${deferred} deferred until all sources are assessed (--accept-unassessed)`] : [],
    writing > 0 ? [`For ${writing} of these, scripts write something.`] : [],
    approximate > 0
      ? [
          `${approximate} are approximate: their scripts read what they have changed, or call an unknown action. ` +
            'They are skipped without --allow-approximate.',
        ]
      : [],
  ].flat()
}

function warnings(run: JsonObject, kinds: readonly Kind[]): string[] {
  const targets = targetsOf(run)
  const of = (action: string) => kinds.filter((kind) => kind.action === action)
  const counts = [
    ['delete', sum(of('DELETE'), 'waiting')],
    // Rows that only note something about a relationship are not carried out.
    ['overwrite', of('UPDATE').reduce((total, { changing, waiting }) => total + Math.min(changing, waiting), 0)],
  ] as const
  return counts.flatMap(([word, count]) =>
    targets > 0 && count / targets > WARNING_SHARE
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

function kindsOf(plan: JsonObject): Kind[] {
  return objectsIn(plan.counts).map((counts) => {
    const number = (name: string): number => Number(counts[name] ?? 0)
    return {
      situation: String(counts.situation),
      action: String(counts.action),
      count: number('count'),
      waiting: number('waiting'),
      deferred: number('deferred'),
      failed: number('failed'),
      skipped: number('skipped'),
      changing: number('changing'),
      writing: number('writing'),
      approximate: number('approximate'),
    }
  })
}
