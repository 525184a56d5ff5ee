import type { RunRows } from '../repo/run-rows.ts'
import type { LinkSpace } from './link-space.ts'
import type { Mapping } from './mapping.ts'
import type { Scripts } from './scripts.ts'
import type { Targets } from './targets.ts'

/** What planning needs of its run. */
export interface PlanParts {
  readonly mapping: Mapping
  readonly links: LinkSpace
  readonly scripts: Scripts
  readonly targets: Targets
  readonly rows: RunRows
  readonly reconId: string
  readonly isAnalysis: boolean
  /** False when there was no target at the start, or the mapping does not correlate: nobody can correlate. */
  readonly correlates: boolean
  /** What will be created has to be known before those behind it are decided: they may correlate with it. */
  readonly plansCreations: boolean
}
