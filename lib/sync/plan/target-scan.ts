import type { RunContext } from '../context/run-context.ts'
import { correlatedFields } from '../evaluate/correlation.ts'
import type { EvaluationParts } from '../evaluate/evaluation.ts'
import { Targets } from '../evaluate/targets.ts'
import type { MappingQuery } from '../mapping/query-schema.ts'
import { idOf } from '../read/object-set.ts'
import { isFullEntry } from '../read/selected-fields.ts'
import { ahead, pieces } from './ahead.ts'

/** The most objects that go into the snapshot at once. */
const PIECE = 1000

/** Puts what there is at the target into the snapshot, where planning finds it. */
export async function scanTargets(context: RunContext): Promise<EvaluationParts> {
  const { mapping, targets: set, links, snapshot, statistics, durations, runsTargetPhase: scans } = context
  statistics.links = await durations.measure('linkQuery', () => links.count())
  // With links that are there, few sources will be correlated: their values are written down when the first asks.
  if (scans && statistics.links === 0) await snapshot.index(correlatedFields(mapping))
  const isFull = scans ? await scan(context) : true
  const isWhole = isUnrestricted(mapping.targetQuery)
  const isProjected = !context.targetFields.isWhole
  const isComplete = scans && isFull && isWhole && !isProjected
  const isEmpty = scans && statistics.targets === 0 && isWhole
  const targets = new Targets({ set, links, snapshot, isComplete, isProjected })
  return context.evaluationParts(targets, !isEmpty || mapping.correlateEmptyTargetSet)
}

/** @returns whether all of them came whole */
async function scan(context: RunContext): Promise<boolean> {
  const { mapping, targets, links, snapshot, statistics } = context
  const { targetQuery, reconTargetQueryPageSize: size } = mapping
  let isFull = true
  statistics.targets = 0
  for await (const page of ahead(targets.scan(targetQuery, size, 'targetQuery'))) {
    context.checkCanceled()
    const seen = page.map((object) => {
      const isFull = isFullEntry(object, mapping, 'target')
      return { key: links.targetKey(idOf(object)), isFull, isPlanned: false, object }
    })
    isFull &&= seen.every((object) => object.isFull)
    for (const piece of pieces(seen, PIECE)) statistics.targets += await snapshot.add(piece)
  }
  await snapshot.endScan()
  return isFull
}

/** Whether a query brings every object there is. */
const isUnrestricted = (query: MappingQuery | undefined): boolean =>
  !query || (query.resourceName === undefined && String(query.params._queryFilter).trim() === 'true')
