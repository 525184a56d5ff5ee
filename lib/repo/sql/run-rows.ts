import type { JsonObject } from '../../contract.ts'
import { internalError } from '../../crest/errors.ts'
import type { RunParticipants } from '../runs/run-participants.ts'
import {
  type AfterImage,
  type BeforeImage,
  type FieldChange,
  INTENT_KINDS,
  type Intent,
  isOpen,
  newRow,
  ROW_STATUSES,
  type Row,
  type RowSelection,
} from '../runs/run-row.ts'
import {
  type Claim,
  placeOfRow,
  type RowCount,
  type RowTally,
  type RunRows,
  type WaitingRow,
} from '../runs/run-rows.ts'
import { agreementRecords } from './agreements.ts'
import type { RunKeys } from './run-keys.ts'
import type { ImageTexts, RowGroup, RowRecord } from './runs/row-records.ts'
import { readJson } from './statements/stored-json.ts'
import type { Stores } from './stores.ts'

export interface RunRowsOptions {
  readonly run: number
  /** Absent where one process carries out runs. */
  readonly participants: RunParticipants | undefined
  /** Of the participant that writes. */
  readonly ticket: number | undefined
}

/** The plan of one run: what is JSON is text on its way to the thread and back. */
export class SqlRunRows implements RunRows {
  readonly #rows: Stores['rows']
  readonly #keys: RunKeys
  readonly #run: number
  readonly #participants: RunParticipants | undefined
  readonly #ticket: number | undefined

  constructor(rows: Stores['rows'], keys: RunKeys, { run, participants, ticket }: RunRowsOptions) {
    this.#rows = rows
    this.#keys = keys
    this.#run = run
    this.#participants = participants
    this.#ticket = ticket
  }

  async add(rows: readonly Row[], isLasting: boolean): Promise<void> {
    if (rows.length === 0) return
    await this.#keys.prepare(this.#run)
    await this.#rows.add(this.#run, rowGroups(rows, isLasting))
  }

  claimed(targetKeys: readonly string[]): Promise<Claim[]> {
    return this.#rows.claimed(this.#run, targetKeys)
  }

  async waiting(after: number, limit: number): Promise<Row[]> {
    const lost = (await this.#keys.open()).get(this.#run)
    if (lost !== undefined) throw internalError(`The plan of this reconciliation ${lost}`)
    return (await this.#rows.waiting(this.#run, after, limit)).map(rowOf)
  }

  waitingPlaces(after: number, limit: number): Promise<WaitingRow[]> {
    return this.#rows.waitingPlaces(this.#run, after, limit)
  }

  async after(after: number, limit: number, selection: RowSelection = {}): Promise<Row[]> {
    if ((await this.#keys.open()).has(this.#run)) return []
    return (await this.#rows.after(this.#run, after, limit, selection)).map(rowOf)
  }

  async atPlaces(places: readonly string[]): Promise<Map<string, Row>> {
    if ((await this.#keys.open()).has(this.#run)) return new Map()
    const rows = (await this.#rows.atPlaces(this.#run, places)).map(rowOf)
    return new Map(rows.map((row) => [placeOfRow(row), row]))
  }

  async written(before: number, limit: number): Promise<Row[]> {
    if ((await this.#keys.open()).has(this.#run)) return []
    return (await this.#rows.written(this.#run, before, limit)).map(writtenRow)
  }

  async writtenByKeys(keys: readonly number[]): Promise<Row[]> {
    if ((await this.#keys.open()).has(this.#run)) return []
    return (await this.#rows.writtenByKeys(this.#run, keys)).map(writtenRow)
  }

  async intend(rows: readonly Row[]): Promise<void> {
    if (rows.some(({ before }) => before)) await this.#keys.prepare(this.#run)
    const intents = rows.map((row) => ({ ...intentOf(row), image: row.before ? JSON.stringify(row.before) : null }))
    await this.#rows.intend(this.#run, 'INTENDED', intents, { isDurable: true, ticket: this.#ticket })
  }

  replan(rows: readonly Row[]): Promise<void> {
    const intents = rows.map((row) => ({ ...intentOf(row), image: null }))
    return this.#rows.intend(this.#run, null, intents, { isDurable: false, ticket: this.#ticket })
  }

  async unsettled(after: number, limit: number): Promise<Row[]> {
    if ((await this.#keys.open()).has(this.#run)) return []
    return (await this.#rows.unsettled(this.#run, after, limit)).map(rowOf)
  }

  async unsettledCreations(mapping: string, sourceId?: string): Promise<Row[]> {
    return (await this.#rows.unsettledCreations(this.#run, mapping, sourceId)).map(rowOf)
  }

  tally(keys?: readonly number[]): Promise<RowTally[]> {
    return this.#rows.tally(this.#run, keys)
  }

  async endParticipations(): Promise<void> {
    await this.#participants?.endAll(this.#run)
  }

  async finish(rows: readonly Row[], isDurable: boolean): Promise<boolean[]> {
    if (rows.some(({ key, failure, after }) => key > 0 && (failure !== null || after)))
      await this.#keys.prepare(this.#run)
    const outcomes = rows.map((row) => {
      const { situation, action, status, failure, newLink, removedLinks } = row
      const { key, targetId, kind } = intentOf(row)
      const intent = status === 'FAILURE' || status === 'UNKNOWN' ? kind : null
      const texts = { failure: textOf(failure), after: row.after ? JSON.stringify(row.after) : null }
      const agreements = status === 'SUCCESS' ? agreementRecords(row.agreements ?? []) : []
      return { key, targetId, situation, action, status, ...texts, intent, newLink, removedLinks, agreements }
    })
    return this.#rows.finish(this.#run, outcomes, { isDurable, ticket: this.#ticket })
  }

  countWaiting(action: string): Promise<number> {
    return this.#rows.countWaiting(this.#run, action)
  }

  countByKind(): Promise<RowCount[]> {
    return this.#rows.countByKind(this.#run)
  }

  release(): Promise<number> {
    return this.#rows.release(this.#run)
  }

  unassessed(mapping: string): Promise<(string | null)[]> {
    return this.#rows.unassessed(this.#run, mapping)
  }
}

/** Until it is created, a target with an intent has the chosen id in place of its own. */
const intentOf = ({ key, targetId, intent }: Row) => ({
  key,
  targetId: targetId ?? intent?.id ?? null,
  kind: intent?.kind ?? null,
})

const textOf = (value: unknown): string | null => (value === null ? null : JSON.stringify(value))

/** Neighbours that differ in their objects only: most rows of most runs. */
function rowGroups(rows: readonly Row[], isLasting: boolean): RowGroup[] {
  const ended = new Date().toISOString()
  const groups: Row[][] = []
  for (const row of rows) {
    const group = groups.at(-1)
    if (group?.[0] && isAlike(group[0], row)) group.push(row)
    else groups.push([row])
  }
  return groups.map((group) => rowGroup(group, isLasting, ended))
}

const ALIKE = ['phase', 'qualifier', 'claims', 'situation', 'action', 'reason', 'status'] as const

const isAlike = (left: Row, right: Row): boolean =>
  ALIKE.every((member) => left[member] === right[member]) && hasNothing(left) === hasNothing(right)

const hasNothing = ({ failure, ambiguous, changes }: Row): boolean =>
  failure === null && ambiguous === null && changes === null

/** @param rows that are alike */
function rowGroup(rows: readonly Row[], isLasting: boolean, ended: string): RowGroup {
  const { phase, qualifier, claims, situation, action, reason, status } = rows[0] as Row
  const shared = [phase, qualifier, Number(claims), situation, action, status, status === null ? null : ended]
  // A deferred row is carried out by a later run.
  const isKept = isOpen(status) && (isLasting || status === 'DEFERRED')
  const hasMore = isKept || !rows.every(hasNothing)
  const values: unknown[] = []
  const works: [place: number, work: string][] = []
  for (const [place, row] of rows.entries()) {
    const { sourceId, targetId, targetKey, failure, ambiguous, changes } = row
    values.push(sourceId, targetId, targetKey)
    const work = isOpen(status) ? workOf(row) : null
    if (hasMore) {
      const counted = [changes?.some(({ kept }) => !kept) === true, ...(isKept ? countedWork(row) : [false, false])]
      values.push(textOf(failure), textOf(ambiguous), textOf(changes), isKept ? work : null, ...counted.map(Number))
    }
    if (work !== null && !isKept) works.push([place, work])
  }
  return { shared, reason, values, hasMore, count: rows.length, works }
}

/** What carrying a row out needs. */
const workOf = ({ source, target, mapped, link, writes, isApproximate, policy, undo }: Row): string =>
  JSON.stringify({ source, target, mapped, link, writes, isApproximate, policy, undo })

const countedWork = ({ writes, isApproximate }: Row): boolean[] => [writes !== null && writes.length > 0, isApproximate]

type Work = Pick<Row, 'source' | 'target' | 'mapped' | 'link' | 'writes' | 'isApproximate' | 'policy' | 'undo'>

function rowOf(row: RowRecord): Row {
  const read = <T>(text: string | null): T | null => (text === null ? null : readJson<T>(text, 'run_row', row.key))
  const intent = storedIntent(row)
  return newRow({
    key: row.key,
    intent,
    phase: row.phase === 'target' ? 'target' : 'source',
    qualifier: row.qualifier,
    sourceId: row.source_id,
    targetId: intent && row.action === 'CREATE' && row.status !== 'SUCCESS' ? null : row.target_id,
    targetKey: row.target_key,
    claims: row.claims === 1,
    situation: row.situation,
    action: row.action,
    reason: row.reason,
    status: ROW_STATUSES.find((status) => status === row.status) ?? null,
    failure: read<JsonObject>(row.failure),
    ambiguous: read<string[]>(row.ambiguous),
    changes: read<FieldChange[]>(row.changes),
    ended: row.ended,
    ...read<Work>(row.work),
  })
}

function writtenRow({ image, outcome, ...row }: RowRecord & ImageTexts): Row {
  const read = <T>(text: string | null): T | undefined =>
    text === null ? undefined : readJson<T>(text, 'run_image', row.key)
  const [before, after] = [read<BeforeImage>(image), read<AfterImage>(outcome)]
  return { ...rowOf(row), ...(before && { before }), ...(after && { after }) }
}

function storedIntent({ intent, target_id: id }: RowRecord): Intent | null {
  const kind = INTENT_KINDS.find((name) => name === intent)
  return kind === undefined ? null : { kind, id }
}
