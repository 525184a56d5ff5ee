import type { Overrides } from './run-options.ts'

/** Identifies what a plan was made with. */
export interface PlanDigest {
  /** SHA-256 over all parts, hexadecimal. */
  readonly value: string
  /** The digest of each part by its name in messages: `mapping m`, `script x.js`, `address of instance eu`. */
  readonly parts: Readonly<Record<string, string>>
}

/** Who does something. */
export interface Caller {
  /** A login, `schedule NAME`, `command`, or `internal` for a script: as `recon/ID` shows it. */
  readonly name: string
  /** Identifies an account independently of its credentials; null = a caller without a login. */
  readonly account: string | null
}

export interface Approval {
  readonly by: string
  /** ISO 8601. */
  readonly at: string
}

/** What was carried out, for the limits of what follows. */
export interface Tally {
  readonly deletes: number
  /** Cleared fields, and in how many targets. */
  readonly cleared: Readonly<Record<string, number>>
}

/** One time that a plan, or a part of it, was carried out. */
export interface Execution {
  /** The id of the run. */
  readonly run: string
  readonly by: string
  /** ISO 8601. */
  readonly at: string
  readonly only: readonly string[] | null
  readonly limit: number | null
  /** Rows that were to be carried out; 0, as in `tally`, until they are counted. */
  readonly count: number
  readonly tally: Tally
}

/** What is kept of a plan beside its rows, in the content of its run. */
export interface PlanRecord {
  readonly digest: PlanDigest
  readonly author: Caller
  /** ISO 8601; null = for ever. */
  readonly validUntil: string | null
  readonly overrides: Overrides
  readonly approval: Approval | null
  readonly executions: readonly Execution[]
}

/** The sizes of both sides when the plan was made, and what earlier parts of it did. Undefined = not known. */
export interface ExecutionBasis extends Tally {
  readonly sources: number | undefined
  readonly targets: number | undefined
}
