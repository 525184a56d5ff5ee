/** Tasks of participants and their answers as JSON, in which numbers keep their digits. */
import { createHash } from 'node:crypto'
import type { Json } from '../../contract.ts'
import { parseStoredJson } from '../../core/json.ts'
import { ResourceException, toResourceException } from '../../crest/errors.ts'
import type { CheckedRow } from '../apply/plan-check.ts'
import type { ApplyingKind } from '../apply/window-applier.ts'
import type { KnownIds } from '../context/client-ids.ts'
import type { RunOptions } from '../context/run-options.ts'
import type { Mapping } from '../mapping/mapping.ts'
import type { MeasuredDurations } from '../read/durations.ts'
import type { ShownFields } from '../relationships/edge-review.ts'
import type { CountedRows } from '../statistics.ts'

/** Takes part in a run. */
export interface JoinTask {
  readonly type: 'join'
  readonly ticket: number
  readonly id: string
  readonly number: number
  readonly mapping: string
  readonly options: RunOptions
  readonly kind: ApplyingKind
  /** See `neighboursOf`. */
  readonly neighbours: string
  readonly shown: ShownFields
}

/** Carries out the waiting rows with keys from `first` to `last`. */
export interface WindowTask {
  readonly type: 'window'
  readonly ticket: number
  readonly first: number
  readonly last: number
  readonly count: number
  /** Of an approved plan: creations that cannot be carried out as planned. Absent: the rows need no check. */
  readonly creations?: readonly CheckedRow[] | undefined
  /** The keys of sources that implicit synchronization has carried over since the run began. */
  readonly touched: readonly string[]
  readonly clientIds: KnownIds
  /** See `SentValues.hidden`. */
  readonly hidden: readonly string[]
}

/** Takes part no longer. */
export interface LeaveTask {
  readonly type: 'leave'
  readonly ticket: number
}

export type Task = JoinTask | WindowTask | LeaveTask

/** What became of a window, and what was learned. */
export interface WindowAnswer {
  readonly counted: CountedRows
  readonly durations: MeasuredDurations
  readonly clientIds: KnownIds
  readonly hidden: readonly string[]
  /** Targets as `linkPlace` names them: those whose links are stored, and those that get none. */
  readonly linked: readonly string[]
  readonly unlinked: readonly string[]
  /** Why no further row can be carried out. */
  readonly fault?: ErrorAnswer['error']
}

interface ErrorAnswer {
  readonly error: { readonly code: number; readonly message: string }
}

export const printTask = (task: Task): string => JSON.stringify(task)

export const parseTask = (text: string): Task => parseStoredJson(text) as unknown as Task

export const printAnswer = (answer: WindowAnswer | null): string => JSON.stringify({ answer })

export const errorOf = (thrown: unknown): ErrorAnswer['error'] => {
  const { code, message } = toResourceException(thrown)
  return { code, message }
}

export const printError = (thrown: unknown): string => JSON.stringify({ error: errorOf(thrown) } satisfies ErrorAnswer)

/** @throws ResourceException as the participant has thrown it */
export function parseAnswer(text: string): WindowAnswer | null {
  const parsed = parseStoredJson(text) as unknown as { readonly answer: WindowAnswer | null } | ErrorAnswer
  if ('error' in parsed) throw exceptionOf(parsed.error)
  return parsed.answer
}

export const exceptionOf = ({ code, message }: ErrorAnswer['error']) => new ResourceException(code, message)

/** Identifies the mappings beside that of a run as far as it depends on them: they may share links. */
export function neighboursOf(mappings: readonly Mapping[]): string {
  const all = mappings.map(({ name, links = null, source, target }): Json => [name, links, source, target])
  return createHash('sha256').update(JSON.stringify(all)).digest('hex')
}
