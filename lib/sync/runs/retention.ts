import type { JsonObject, Logger } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { RowStatus } from '../../repo/runs/run-row.ts'
import type { RunStore, StoredRun } from '../../repo/runs/run-store.ts'
import { DEFAULT_KEEP_RUNS, type Mapping } from '../mapping/mapping.ts'
import type { MappingRegistry } from '../mapping/registry.ts'
import { isValidPlan } from './approval.ts'

/** How long the runs of a mapping stay that is no longer configured. */
const ORPHAN_MS = 7 * 86_400_000

export type RetentionRules = Pick<Mapping, 'keepRuns' | 'keepBeforeFor'>

/** What is to be removed of stored runs. */
export interface Outdated {
  /** With everything. */
  readonly runs: readonly StoredRun[]
  /** What undoing them needs. */
  readonly images: readonly StoredRun[]
  /** Their rows that have written nothing: they are kept to be undone, and for nothing else. */
  readonly unwritten: readonly StoredRun[]
}

export const DEFAULT_RULES: RetentionRules = { keepRuns: DEFAULT_KEEP_RUNS, keepBeforeFor: 30 * 86_400_000 }

/**
 * The runs to remove are of each mapping all but the last `keepRuns`. Kept beyond that are valid plans, runs that can be
 * resumed or have rows whose outcome is unknown, those that cannot be decrypted (their key may come back), and the last run
 * with deferred rows: a later one has deferred again what still has to wait. Those that have written something stay for
 * `keepBeforeFor`, with the rows that did.
 * @param runs from the oldest to the latest
 * @param rulesOf undefined for a mapping that is not configured: its runs go seven days after their end
 */
export function outdated(
  runs: readonly StoredRun[],
  rulesOf: (mapping: string) => RetentionRules | undefined,
  now = Date.now(),
): Outdated {
  const ended = runs.filter(({ state }) => state !== 'ACTIVE').reverse()
  const found = [...Map.groupBy(ended, ({ mapping }) => mapping)].map(([mapping, own]): Outdated => {
    const rules = rulesOf(mapping)
    const deferring = own.find(hasDeferredRows)
    const isHeld = (run: StoredRun) =>
      run.unreadable !== undefined ||
      run === deferring ||
      isValidPlan(run, now) ||
      run.content.resumable === true ||
      hasUnknownRows(run)
    const isOrphan = (run: StoredRun) => !rules && run.unreadable === undefined && endOf(run) < now - ORPHAN_MS
    const { keepRuns, keepBeforeFor } = rules ?? DEFAULT_RULES
    const isUndoable = (run: StoredRun) => keepsBefore(run) && endOf(run) + keepBeforeFor > now
    const beyond = own.filter((run, place) => place >= keepRuns && !isHeld(run))
    return {
      runs: own.filter((run) => isOrphan(run) || (beyond.includes(run) && !(isUndoable(run) && hasWritten(run)))),
      images: own.filter((run) => keepsBefore(run) && run.content.resumable !== true && !isUndoable(run)),
      unwritten: beyond.filter((run) => isUndoable(run) && hasWritten(run) && run.content.isReduced !== true),
    }
  })
  return {
    runs: found.flatMap(({ runs }) => runs),
    images: found.flatMap(({ images }) => images),
    unwritten: found.flatMap(({ unwritten }) => unwritten),
  }
}

const keepsBefore = ({ content }: StoredRun): boolean => content.keepsBefore === true

/** Whether a run has changed anything at its target, or links. */
function hasWritten({ content }: StoredRun): boolean {
  const { target, links } = isObject(content.progress) ? content.progress : {}
  const counts = isObject(target) ? [target.created, target.updated, target.deleted] : []
  const linked = isObject(links) ? links.created : 0
  return countOf({ content }, 'FAILURE') > 0 || [...counts, linked].some((count) => Number(count ?? 0) > 0)
}

/** Removes rows without persisted associations; an error is logged. */
export const forgetRows = ({ runs, log }: { readonly runs: RunStore; readonly log: Logger }, number: number) =>
  runs.removeRows(number).catch((error: unknown) => log.error({ err: error }, 'old rows were not removed'))

/** Removes what need not be kept any more. @param hold does work on a run unless others use it */
export async function removeOutdated(
  runs: RunStore,
  { runs: old, images, unwritten }: Outdated,
  hold: (run: StoredRun, work: () => Promise<void>) => Promise<void>,
): Promise<void> {
  for (const run of old) await hold(run, () => runs.remove(run.number))
  for (const run of images.filter((one) => !old.includes(one)))
    await hold(run, async () => {
      await runs.removeImages(run.number)
      await runs.update(run.number, run.state, { ...run.content, keepsBefore: false })
    })
  for (const run of unwritten)
    await hold(run, async () => {
      await runs.removeUnwritten(run.number)
      await runs.update(run.number, run.state, { ...run.content, isReduced: true })
    })
}

interface RetentionParts {
  readonly runs: RunStore
  readonly mappings: Pick<MappingRegistry, 'find' | 'isRemoved'>
  readonly log: Logger
}

/**
 * Removes the runs that need not be kept any more; an error is logged.
 * @param hold does work on a run unless others use it
 * @param isClosed whether the gateway is stopping
 */
export async function retain(
  { runs, mappings, log }: RetentionParts,
  hold: (id: string, work: () => Promise<void>) => Promise<void>,
  isClosed: () => boolean,
): Promise<void> {
  try {
    const rulesOf = (name: string) =>
      mappings.find(name)?.mapping ?? (mappings.isRemoved(name) ? undefined : DEFAULT_RULES)
    await removeOutdated(runs, outdated(await runs.all(), rulesOf), async ({ id }, work) => {
      if (!isClosed()) await hold(id, work)
    })
    if (!isClosed()) await runs.removeOrphans()
  } catch (error) {
    log.error({ err: error }, 'old reconciliations were not removed')
  }
}

const countOf = ({ content }: Pick<StoredRun, 'content'>, status: RowStatus): number =>
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
