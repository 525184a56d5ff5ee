import { ResourceException } from '../crest/errors.ts'
import type { Row } from '../repo/run-rows.ts'
import { correlates, lookups } from './correlation.ts'
import type { RunContext } from './run-context.ts'
import { type Candidates, liveTargets, TargetCorrelation } from './target-correlation.ts'

/**
 * Rows of a plan that would create what somebody else has created since: why they are left alone, by the key of the row.
 * To be asked before the first write, since what the plan itself creates may correlate as well.
 */
export async function appearedSince(context: RunContext, rows: readonly Row[]): Promise<Map<number, string>> {
  const { mapping, parts, links, targets: set, targetFields } = context
  const tasks = rows.flatMap(({ key, situation, action, qualifier, source }) =>
    source && situation === 'ABSENT' && action === 'CREATE' ? [{ key, source, linkQualifier: qualifier }] : [],
  )
  if (tasks.length === 0 || !correlates(mapping)) return new Map()
  const correlation = new TargetCorrelation(liveTargets(targetFields, set, links))
  const found = await correlation.correlate(await lookups(mapping, tasks, parts.scripts))
  const whys = tasks.map(({ key }, index) => ({ key, why: whyNot(found[index] ?? []) }))
  return new Map(whys.flatMap(({ key, why }) => (why === undefined ? [] : [[key, why] as const])))
}

function whyNot(candidates: Candidates): string | undefined {
  if (candidates instanceof ResourceException)
    return `Cannot determine whether a target now correlates: ${candidates.message}`
  return candidates.length > 0 ? APPEARED : undefined
}

const APPEARED = 'A target that correlates has appeared since the plan was made: nothing was done'
