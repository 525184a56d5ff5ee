import type { Row, RowSelection, RowStatus } from './run-row.ts'

/** How many rows of a plan have one situation and action. */
export interface RowCount {
  readonly situation: string
  readonly action: string
  readonly count: number
  /** Of these, rows that are to be carried out. */
  readonly waiting: number
  /** Of these, rows that change a field of their target. */
  readonly changing: number
  /** Of these, rows whose scripts write something. */
  readonly writing: number
  /** Of these, rows that are carried out only where `allowApproximate` says so. */
  readonly approximate: number
  readonly deferred: number
  readonly failed: number
  readonly skipped: number
}

/** How many rows of a run have the same outcome. */
export interface RowTally {
  readonly phase: 'source' | 'target'
  readonly situation: string
  readonly action: string
  readonly status: RowStatus | null
  /** 1 = its target gets a new link. */
  readonly claims: number
  readonly count: number
  /** Of these, rows with a target. */
  readonly targets: number
  /** Of these, rows that change a field of their target. */
  readonly changing: number
}

/** Where a row that is to be carried out stands. */
export interface WaitingRow {
  readonly key: number
  readonly phase: 'source' | 'target'
  readonly action: string
  readonly sourceId: string | null
}

/** A target that a row takes, for one kind of link. */
export interface Claim {
  readonly target: string
  readonly qualifier: string
  readonly source: string
}

/** Identifies what a row is about among those of its plan. */
export const placeOfRow = ({ phase, qualifier, sourceId, targetId }: Row): string =>
  [phase, qualifier, (phase === 'source' ? sourceId : targetId) ?? ''].join('\u001f')

/** The plan of one run. */
export interface RunRows {
  /** @param isLasting whether what carrying them out needs is to outlive the process: a plan that somebody will read */
  add(rows: readonly Row[], isLasting: boolean): Promise<void>
  /** Which of these targets earlier rows have taken. */
  claimed(targetKeys: readonly string[]): Promise<Claim[]>
  /** Rows after `after` that are still to be carried out, with what that needs. */
  waiting(after: number, limit: number): Promise<Row[]>
  /** The same rows, without anything else. */
  waitingPlaces(after: number, limit: number): Promise<WaitingRow[]>
  /** All rows after `after` in their order, without what carrying them out needs unless it is kept. */
  after(after: number, limit: number, selection?: RowSelection): Promise<Row[]>
  /** The rows of a plan that is complete, by the places that they have; of several at one place the first. */
  atPlaces(places: readonly string[]): Promise<Map<string, Row>>
  /** Rows before `before`, from the last to the first, that may have written something, with their images. */
  written(before: number, limit: number): Promise<Row[]>
  /** Those with these keys. */
  writtenByKeys(keys: readonly number[]): Promise<Row[]>
  /** Stores the intents of rows, with their images; resolves when they are on the disk. */
  intend(rows: readonly Row[]): Promise<void>
  /** Makes rows with an intent wait again. */
  replan(rows: readonly Row[]): Promise<void>
  /** Rows after `after` whose requests may have been carried out although their outcomes are not known. */
  unsettled(after: number, limit: number): Promise<Row[]>
  /**
   * The creations of other runs of the mapping whose outcomes are not known, without what carrying them out needs.
   * @param sourceId undefined = of all sources
   */
  unsettledCreations(mapping: string, sourceId?: string): Promise<Row[]>
  /** @param keys of the rows that count; undefined = all */
  tally(keys?: readonly number[]): Promise<RowTally[]>
  /** Resolves when no participant writes rows any more for a coordinator that has ended. */
  endParticipations(): Promise<void>
  /**
   * Stores the outcomes of rows with their links, all of them or none.
   * @param isDurable whether it waits for the disk; otherwise a power cut may take the commit back, and the next run
   * finds the same again
   * @returns for each row whether its link was added
   */
  finish(rows: readonly Row[], isDurable: boolean): Promise<boolean[]>
  /** How many rows with this action are still to be carried out. */
  countWaiting(action: string): Promise<number>
  countByKind(): Promise<RowCount[]>
  /** Lets deferred rows be carried out. @returns how many there were */
  release(): Promise<number>
  /** The sources that could not be assessed, and that no later run of the mapping has assessed; null = without id. */
  unassessed(mapping: string): Promise<(string | null)[]>
}
