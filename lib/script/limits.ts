import { MAX_SCRIPT_CALLS } from '../core/bounds.ts'

/** What one run of a script may use: with many objects, the run for each of them. */
export interface Limits {
  /** Milliseconds of computing; waiting for resources is not counted. */
  readonly computeMs: number
  /** Milliseconds from begin to end, waiting included. */
  readonly wallMs: number
  readonly memoryBytes: number
  /** The longest text that crosses into or out of the sandbox, in characters of JSON. */
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

/** What a run is told that goes beyond a limit: the limit, and where it is set. */
export const exceeded = {
  computeMs: ({ computeMs }: Limits) => `it computed longer than ${computeMs} ms (${settingOf('computeTime')})`,
  wallMs: ({ wallMs }: Limits) => `it took longer than ${wallMs} ms (${settingOf('totalTime')})`,
  calls: ({ calls }: Limits) => `it made more than ${calls} calls (${settingOf('calls')})`,
  variables: (limits: Limits) => `its variables are longer than ${transfer(limits)}`,
  result: (limits: Limits) => `its result is longer than ${transfer(limits)}`,
}

export const MEMORY_EXCEEDED = `it used more memory than it may (${settingOf('memoryMB')})`

const transfer = ({ transferLength }: Limits) =>
  `${transferLength < MB ? transferLength : `${+(transferLength / MB).toFixed(1)} million`} characters (${settingOf('transferMB')})`

function settingOf(name: string): string {
  return `limits.${name} in conf/script.json`
}
