/** What one run of a script may use. */
export interface Limits {
  /** Milliseconds of computing; waiting for resources is not counted. With many objects: for each of them. */
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
  calls: 100_000,
}
