import type { JsonObject } from '../../contract.ts'
import type { RowStatus } from '../../repo/runs/run-row.ts'
import type { StoredRun } from '../../repo/runs/run-store.ts'
import { DEFAULT_KEEP_RUNS, type Mapping } from '../mapping/mapping.ts'
import { isValidPlan } from './approval.ts'

/** How long the runs of a mapping stay that is no longer configured. */
const ORPHAN_MS = 7 * 86_400_000

export type RetentionRules = Pick<Mapping, 'keepRuns'>

export const DEFAULT_RULES: RetentionRules = { keepRuns: DEFAULT_KEEP_RUNS }

/**
 * The runs to remove: of each mapping all but the last `keepRuns`. Kept beyond that are valid plans, runs that can be
 * resumed or have rows whose outcome is unknown, those that cannot be decrypted (their key may come back), and the last run
 * with deferred rows: a later one has deferred again what still has to wait.
 * @param runs from the oldest to the latest
 * @param rulesOf undefined for a mapping that is not configured: its runs go seven days after their end
 */
export function outdatedRuns(
  runs: readonly StoredRun[],
  rulesOf: (mapping: string) => RetentionRules | undefined,
  now = Date.now(),
): StoredRun[] {
  const ended = runs.filter(({ state }) => state !== 'ACTIVE').reverse()
  return [...Map.groupBy(ended, ({ mapping }) => mapping)].flatMap(([mapping, own]) => {
    const rules = rulesOf(mapping)
    const deferring = own.find(hasDeferredRows)
    const isHeld = (run: StoredRun) =>
      run.unreadable !== undefined ||
      run === deferring ||
      isValidPlan(run, now) ||
      run.content.resumable === true ||
      hasUnknownRows(run)
    const isOrphan = (run: StoredRun) => !rules && run.unreadable === undefined && endOf(run) < now - ORPHAN_MS
    const { keepRuns } = rules ?? DEFAULT_RULES
    return own.filter((run, place) => isOrphan(run) || (place >= keepRuns && !isHeld(run)))
  })
}

const countOf = ({ content }: StoredRun, status: RowStatus): number =>
  Number((content.statusSummary as JsonObject | undefined)?.[status] ?? 0)

const hasDeferredRows = (run: StoredRun): boolean => !run.isAnalysis && countOf(run, 'DEFERRED') > 0

const hasUnknownRows = (run: StoredRun): boolean => countOf(run, 'UNKNOWN') > 0

/** One without a readable end is as old as can be. */
const endOf = ({ content }: StoredRun): number =>
  Date.parse(String(content.ended || content.started || '')) || Number.NEGATIVE_INFINITY

type AssociationLimits = Pick<Mapping, 'reconAssociation'>

/**
 * The runs that `recon/assoc` lists: those with associations, of each mapping as many as an explicit `reconAssociation`
 * says.
 * @param runs from the oldest to the latest
 */
export function listedAssociations(
  runs: readonly StoredRun[],
  limitsOf: (mapping: string) => AssociationLimits | undefined,
): StoredRun[] {
  const counts = new Map<string, number>()
  const isListed = (run: StoredRun): boolean => {
    const limits = limitsOf(run.mapping)?.reconAssociation
    const kind = JSON.stringify([run.mapping, run.isAnalysis])
    const count = 1 + (counts.get(kind) ?? 0)
    counts.set(kind, count)
    const max = run.isAnalysis ? limits?.maxAnalysisRunsPerMapping : limits?.maxNonAnalysisRunsPerMapping
    return count <= (max ?? Number.POSITIVE_INFINITY)
  }
  const latestFirst = runs.filter(({ persists }) => persists).reverse()
  return latestFirst.filter(isListed).reverse()
}
