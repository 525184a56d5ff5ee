import type { NewLink } from '../../links/link-store.ts'
import { LINK_EXISTS } from '../../runs/run-row.ts'
import { insertRows, updateRows } from '../database/insert-rows.ts'
import type { Session } from '../database/session.ts'
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
export function finishRows(session: Session, outcomes: readonly Outcome[], seal: Seal): boolean[] {
  deleteLinks(
    session,
    outcomes.flatMap(({ removedLinks }) => removedLinks),
  )
  const links = outcomes.flatMap(({ newLink }) => newLink ?? [])
  const added = insertLinks(session, links).values()
  const linked = outcomes.map(({ newLink }) => (newLink ? added.next().value === true : true))
  insertAgreements(
    session,
    outcomes.flatMap(({ agreements }, index) => (linked[index] ? agreements : [])),
  )
  const failure = JSON.stringify(LINK_EXISTS)
  setOutcomes(
    session,
    outcomes.map((outcome, index) => (linked[index] ? outcome : { ...outcome, status: 'FAILURE', failure })),
    seal,
  )
  return linked
}

/** All outcomes of one kind together: there are few kinds, and most of a row is its kind. */
function setOutcomes(session: Session, outcomes: readonly Outcome[], seal: Seal): void {
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
    updateRows(session, SET_OUTCOME, [situation, action, status, ended, intent], { width: 3, values })
  }
  const images = stored.flatMap(({ key, after }) => (after === null ? [] : [key, seal('outcome', key, after)]))
  const rows = { width: 2, values: images }
  if (insertRows(session, 'insert or ignore into run_image (key, outcome)', [], rows) * 2 < images.length)
    updateRows(session, SET_IMAGE, [], rows)
}

const SET_IMAGE = ['update run_image set outcome = v.column2 from', 'where run_image.key = v.column1'] as const

const SET_OUTCOME = [
  `update run_row set situation = ?1, action = ?2, status = ?3, ended = ?4, target_id = v.column2, failure = v.column3,
    intent = ?5, work = null, writing = 0, approximate = 0 from`,
  'where run_row.key = v.column1',
] as const
