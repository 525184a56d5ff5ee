import { MAX_SCRIPT_CALLS } from '../core/bounds.ts'

/** The limits of one run of a script; with many objects, of the run for each of them. */
export interface Limits {
  /** Milliseconds of computing, without waiting for resources. */
  readonly computeMs: number
  /** Milliseconds from start to end, with waiting. */
  readonly wallMs: number
  readonly memoryBytes: number
  /** Max characters of JSON that are passed into or out of the sandbox at once. */
  readonly transferLength: number
  /** Calls of `openidm` functions and the like. */
  readonly calls: number
}

export const DEFAULT_LIMITS: Limits = {
  computeMs: 10_000,
  wallMs: 60_000,
  memoryBytes: 64 * 1024 * 1024,
  transferLength: 16 * 1024 * 1024,
  calls: MAX_SCRIPT_CALLS,
}

const MB = 1024 * 1024

/** Messages for a run that exceeds a limit: the limit, and where it is set. */
export const exceeded = {
  computeMs: ({ computeMs }: Limits) => `it computed longer than ${computeMs} ms (${settingOf('computeTime')})`,
  wallMs: ({ wallMs }: Limits) => `it took longer than ${wallMs} ms (${settingOf('totalTime')})`,
  calls: ({ calls }: Limits) => `it made more than ${calls} calls (${settingOf('calls')})`,
  variables: (limits: Limits) => `its variables are longer than ${transfer(limits)}`,
  result: (limits: Limits) => `its result is longer than ${transfer(limits)}`,
}

export const MEMORY_EXCEEDED = `it used more memory than allowed (${settingOf('memoryMB')})`

const transfer = ({ transferLength }: Limits) =>
  `${transferLength < MB ? transferLength : `${+(transferLength / MB).toFixed(1)} million`} characters (${settingOf('transferMB')})`

function settingOf(name: string): string {
  return `limits.${name} in conf/script.json`
}
