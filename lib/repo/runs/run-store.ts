import type { JsonObject } from '../../contract.ts'
import type { RunParticipants } from './run-participants.ts'
import type { RunRows } from './run-rows.ts'
import type { RunSnapshot } from './run-snapshot.ts'

export interface StoredRun {
  readonly id: string
  readonly number: number
  readonly mapping: string
  readonly state: string
  readonly isAnalysis: boolean
  readonly persists: boolean
  readonly content: JsonObject
  /** What resuming it needs; null = it cannot be resumed. */
  readonly resume: JsonObject | null
  /** Why it cannot be decrypted, such as `is encrypted, and no key is configured`. */
  readonly unreadable?: string
}

/** Rows that are to be carried out, in the order of the plan. */
export interface RowPart {
  readonly actions: readonly string[]
  /** undefined = all. */
  readonly limit?: number | undefined
  /** Whether deferred rows are among them. */
  readonly takesDeferred: boolean
}

export type NewRun = Omit<StoredRun, 'number' | 'resume' | 'unreadable'> & Partial<Pick<StoredRun, 'resume'>>

/** Reconciliations: what is shown of them, what they saw, and their plans. */
export interface RunStore {
  /** @returns its number @throws ResourceException when there is no key to encrypt it with */
  insert(run: NewRun): Promise<number>
  update(number: number, state: string, content: JsonObject): Promise<void>
  /** Replaces what resuming the run needs; resolves when it is on the disk. */
  keep(number: number, resume: JsonObject): Promise<void>
  /**
   * From the oldest to the latest. A row that cannot be read is logged and left out; one that cannot be decrypted is
   * logged, and its content says why.
   */
  all(): Promise<StoredRun[]>
  find(id: string): Promise<StoredRun | undefined>
  /** Forgets a run with its plan. It cannot be decrypted any more from the moment it is gone; its rows go in pieces. */
  remove(number: number): Promise<void>
  /** Removes what is left of runs whose removal the end of the process interrupted. */
  removeOrphans(): Promise<void>
  /** Forgets the plan of a run, but not the run. */
  removeRows(number: number): Promise<void>
  /** Forgets what undoing a run needs. */
  removeImages(number: number): Promise<void>
  /** Forgets the rows of a run that have written nothing. */
  removeUnwritten(number: number): Promise<void>
  /** Drops the plan of a run that is made again. */
  restart(number: number): Promise<void>
  /** Makes the open rows of one run those of another. */
  moveOpenRows(from: number, to: number): Promise<void>
  /**
   * Makes the plan of one run that of another, or a part of it; the rest stays.
   * @param content replaces that of the first run in the same transaction
   * @returns how many rows were moved
   */
  moveRows(from: number, to: number, part?: RowPart, content?: JsonObject): Promise<number>
  /** Takes back what `moveRows` did. @param content replaces that of `to` in the same transaction */
  returnRows(from: number, to: number, content?: JsonObject): Promise<void>
  /** Drops the snapshot of a run. */
  clear(number: number): Promise<void>
  snapshot(number: number): RunSnapshot
  /** @param ticket of a participant that writes them */
  rows(number: number, ticket?: number): RunRows
  /** undefined = one process carries out runs. */
  readonly participants: RunParticipants | undefined
}
