/** What becomes of events, as pure functions. */
import type { SyncCause, SyncDetail } from '../change.ts'

/**
 * - `done`: it was carried over.
 * - `early`: an earlier change of another mapping has to end before.
 * - `busy`: target or source asks to be left alone for a while. It never counts as an attempt.
 * - `unreachable`: target or source did not answer, or refuses the credentials of this gateway.
 * - `inDoubt`: an earlier attempt may have carried it over, and nothing tells: it is not repeated.
 * - `failed`: this object cannot be carried over as it is.
 */
export type Verdict = 'done' | 'early' | 'busy' | 'unreachable' | 'inDoubt' | 'failed'

const BUSY: readonly number[] = [429, 503]
const UNREACHABLE: readonly number[] = [401, 408, 502, 504]

const ORDER: readonly Verdict[] = ['done', 'failed', 'inDoubt', 'unreachable', 'busy']

export interface Attempt {
  readonly verdict: Verdict
  readonly cause: SyncCause | undefined
}

/** The worst of what became of a change in its link qualifiers. */
export function attemptOf(details: readonly Pick<SyncDetail, 'cause' | 'result'>[]): Attempt {
  let worst: Attempt = { verdict: 'done', cause: undefined }
  for (const { result, cause } of details) {
    const verdict = result === 'FAILED' ? verdictOf(cause) : 'done'
    if (ORDER.indexOf(verdict) > ORDER.indexOf(worst.verdict)) worst = { verdict, cause }
  }
  return worst
}

function verdictOf({ code = 500, isInDoubt }: Partial<SyncCause> = {}): Verdict {
  if (isInDoubt) return 'inDoubt'
  if (BUSY.includes(code)) return 'busy'
  return UNREACHABLE.includes(code) ? 'unreachable' : 'failed'
}

/** Longest delays before an event is tried again, and before a target that was not available is. */
const MAX_RETRY_MS = 3_600_000
const MAX_PROBE_MS = 60_000
/** However long a remote asks for. */
const MAX_RETRY_AFTER_MS = 3_600_000
const MIN_PROBE_MS = 100
/** Share of a delay over which retries are spread. */
const JITTER = 0.2

/**
 * Milliseconds until an event that failed is tried again.
 * @param attempts how often it has failed before
 * @param random from 0 to 1
 */
export const retryDelay = (attempts: number, first: number, random: number): number =>
  spread(Math.min(first * 2 ** attempts, MAX_RETRY_MS), random)

/**
 * Milliseconds until a target that was not available is asked again.
 * @param failures how often in succession it was not, with this time
 */
export function probeDelay(failures: number, first: number, random: number, retryAfterMs = 0): number {
  const own = Math.min(Math.max(first, MIN_PROBE_MS) * 2 ** (failures - 1), MAX_PROBE_MS)
  return spread(Math.max(own, Math.min(retryAfterMs, MAX_RETRY_AFTER_MS)), random)
}

const spread = (ms: number, random: number): number => Math.round(ms * (1 + JITTER * random))

/** Whether an event that failed is given up. @param attempts how often it has failed before */
export const isSpent = (attempts: number, maxRetries: number): boolean => maxRetries >= 0 && attempts >= maxRetries

/** How many retries are left; -1 = any number. */
export const remainingRetries = (attempts: number, maxRetries: number): number =>
  maxRetries < 0 ? -1 : Math.max(0, maxRetries - attempts)
