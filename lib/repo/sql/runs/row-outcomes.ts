import type { NewLink } from '../../links/link-store.ts'
import { LINK_EXISTS } from '../../runs/run-row.ts'
import type { Dialect } from '../statements/dialect.ts'
import { insertRows, updateRows } from '../statements/insert-rows.ts'
import type { Work } from '../statements/work.ts'
import { type AgreementRecord, insertAgreements } from './agreement-table.ts'
import { deleteLinks, insertLinks } from './link-table.ts'

/** What became of a row. */
export interface Outcome {
  readonly key: number
  readonly targetId: string | null
  readonly situation: string
  readonly action: string
  readonly status: string | null
  /** JSON. */
  readonly failure: string | null
  /** JSON: see `AfterImage`. */
  readonly after: string | null
  /** Kept where it is not certain. */
  readonly intent: string | null
  readonly newLink: NewLink | null
  readonly removedLinks: readonly string[]
  readonly agreements: readonly AgreementRecord[]
}

/** Encrypts a value of a row. */
export type Seal = (column: 'failure' | 'outcome', key: number, text: string) => Uint8Array

/** Stores outcomes with their links. @returns for each whether its link was added */
export function* finishRows(dialect: Dialect, outcomes: readonly Outcome[], seal: Seal): Work<boolean[]> {
  yield* deleteLinks(
    dialect,
    outcomes.flatMap(({ removedLinks }) => removedLinks),
  )
  const links = outcomes.flatMap(({ newLink }) => newLink ?? [])
  const added = (yield* insertLinks(dialect, links)).values()
  const linked = outcomes.map(({ newLink }) => (newLink ? added.next().value === true : true))
  yield* insertAgreements(
    dialect,
    outcomes.flatMap(({ agreements }, index) => (linked[index] ? agreements : [])),
  )
  const failure = JSON.stringify(LINK_EXISTS)
  yield* setOutcomes(
    dialect,
    outcomes.map((outcome, index) => (linked[index] ? outcome : { ...outcome, status: 'FAILURE', failure })),
    seal,
  )
  return linked
}

/** All outcomes of one kind together: there are few kinds, and most of a row is its kind. */
function* setOutcomes(dialect: Dialect, outcomes: readonly Outcome[], seal: Seal): Work<void> {
  const ended = new Date().toISOString()
  // A row that is not stored has no key.
  const stored = outcomes.filter(({ key }) => key > 0)
  const kinds = Map.groupBy(stored, ({ situation, action, status, failure, intent }) =>
    [situation, action, status, failure === null, intent].join('\u0000'),
  )
  for (const own of kinds.values()) {
    const [first] = own
    if (!first) continue
    const { situation, action, status, intent } = first
    const values = own.flatMap(({ key, targetId, failure }) => [
      key,
      targetId,
      failure === null ? null : seal('failure', key, failure),
    ])
    yield* updateRows(dialect, SET_OUTCOME, [situation, action, status, ended, intent], values, OUTCOME_TYPES)
  }
  const images = stored.flatMap(({ key, after }) => (after === null ? [] : [key, seal('outcome', key, after)]))
  yield* insertRows(dialect, 'insert into run_image (key, outcome)', [], { width: 2, values: images }, OUTCOME_IMAGE)
}

const OUTCOME_TYPES = ['integer', 'text', 'bytes'] as const
const OUTCOME_IMAGE = ' on conflict (key) do update set outcome = excluded.outcome'

const SET_OUTCOME = [
  `update run_row set situation = ?1, action = ?2, status = ?3, ended = ?4, target_id = v.column2, failure = v.column3,
    intent = ?5, work = null, writing = 0, approximate = 0 from`,
  'where run_row.key = v.column1',
] as const
