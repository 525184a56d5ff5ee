/** What the gateway says of mappings, runs and plans. */
import type { Json, JsonObject } from '../api.ts'
import type { Tone } from '../ui/parts.tsx'

export interface Run {
  readonly _id: string
  readonly mapping: string
  readonly state: 'ACTIVE' | 'SUCCESS' | 'FAILED' | 'CANCELED'
  readonly stage: string
  readonly stageDescription?: string
  readonly kind?: string
  readonly resumable?: boolean
  readonly waitsForApproval?: boolean
  readonly startedBy?: string
  readonly started: string
  readonly ended?: string
  readonly duration?: number
  readonly undoes?: string
  readonly undoneBy?: Json
  readonly executes?: string
  readonly progress?: Progress
  readonly situationSummary?: Readonly<Record<string, number>>
  readonly statusSummary?: Readonly<Record<string, number>>
  readonly verification?: JsonObject
  readonly warnings?: Json
  readonly error?: Json
  readonly messages?: Json
}

interface Counter {
  readonly processed: number
  readonly total: string
}

interface Progress {
  readonly source: { readonly existing: Counter }
  readonly target: {
    readonly existing: Counter
    readonly created: number
    readonly updated: number
    readonly deleted: number
  }
  readonly links: { readonly existing: Counter; readonly created: number }
}

export interface PlanCount {
  readonly situation: string
  readonly action: string
  readonly count: number
  readonly waiting: number
  readonly changing: number
  readonly writing: number
  readonly approximate: number
  readonly deferred: number
  readonly failed: number
  readonly skipped: number
}

export interface Plan {
  readonly state: 'OPEN' | 'WAITING' | 'APPROVED' | 'PARTLY' | 'EXECUTED' | 'EXPIRED' | 'CHANGED' | null
  readonly madeBy: string | null
  readonly validUntil: string | null
  readonly requiresApproval: boolean
  readonly approval: { readonly by: string; readonly at: string } | null
  readonly executions: readonly {
    readonly run: string
    readonly by: string
    readonly at: string
    readonly count: number
  }[]
  readonly counts: readonly PlanCount[]
}

export interface Change {
  readonly field: string
  readonly from: Json
  readonly to: Json
  readonly unseen?: boolean
  readonly again?: boolean
}

export interface Entry {
  readonly _id: string
  readonly situation: string | null
  readonly action: string | null
  readonly linkQualifier: string
  readonly sourceObjectId: string | null
  readonly targetObjectId: string | null
  readonly reason: string
  readonly status: string | null
  readonly message: string | null
  readonly changes: readonly Change[]
  readonly writes: readonly JsonObject[]
  readonly approximate: boolean
}

export const kindOf = ({ kind }: Run): string => kind ?? 'run'

/** What became of a run, in a word. */
export function stateOf({ state, stage, resumable, statusSummary }: Run): { text: string; tone: Tone } {
  if (state === 'ACTIVE') return { text: 'running', tone: 'busy' }
  if (resumable) return { text: 'interrupted', tone: 'warn' }
  if (state === 'CANCELED') return { text: 'canceled', tone: 'plain' }
  if (state === 'FAILED') return { text: stage === 'ACTIVE_INTERRUPTED' ? 'interrupted' : 'failed', tone: 'bad' }
  return (statusSummary?.FAILURE ?? 0) > 0
    ? { text: 'ended with failures', tone: 'warn' }
    : { text: 'ended', tone: 'good' }
}

const PLAN_STATES: Readonly<Record<NonNullable<Plan['state']>, readonly [text: string, tone: Tone, meaning: string]>> =
  {
    OPEN: ['open', 'good', 'It can be carried out.'],
    WAITING: ['waits for approval', 'warn', 'It can be carried out after somebody has approved it.'],
    APPROVED: ['approved', 'good', 'It can be carried out.'],
    PARTLY: ['partly carried out', 'busy', 'A part was carried out; the rest can be.'],
    EXECUTED: ['carried out', 'good', 'Nothing is left to do.'],
    EXPIRED: ['expired', 'bad', 'It is too old to be carried out: make another plan.'],
    CHANGED: [
      'out of date',
      'bad',
      'The mapping, a script or the address of an instance has changed since: make another plan.',
    ],
  }

export const planStateOf = ({ state }: Plan) => (state === null ? undefined : PLAN_STATES[state])

export const isExecutable = ({ state, counts }: Plan): boolean =>
  (state === 'OPEN' || state === 'APPROVED' || state === 'PARTLY') &&
  counts.some(({ waiting, deferred }) => waiting > 0 || deferred > 0)

/** The progress of a run; `of` undefined = the total is not known yet. */
export function progressOf({ progress }: Run): { readonly done: number; readonly of: number | undefined } {
  const { processed = 0, total = '?' } = progress?.source.existing ?? {}
  return { done: processed, of: /^\d+$/.test(total) ? Number(total) : undefined }
}

export const shown = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value, null, 1))
