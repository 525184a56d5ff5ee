import type { Row } from '../../repo/runs/run-row.ts'
import type { RunContext } from '../context/run-context.ts'
import { refuseUnsettled } from '../context/unsettled.ts'
import { isOpposite } from '../evaluate/agreement-rules.ts'
import { evaluateDeletion } from '../evaluate/evaluate-deletion.ts'
import { SourceEvaluator } from '../evaluate/evaluate-sources.ts'
import { LinkSpace } from '../evaluate/link-space.ts'

/**
 * Evaluates a source by the present state of both sides. One that a change of the mapping in the other direction is creating
 * gets its link first; one that has none then is refused, since it would be created a second time where it comes from.
 * @param isNested whether it is inside other work, which never waits
 */
export async function evaluateChange(context: RunContext, sourceId: string, isNested: boolean): Promise<Row[]> {
  const { unsettled } = context
  const rows = await evaluate(context, sourceId)
  if (!rows.some(({ action }) => action === 'CREATE')) return rows
  const ends = await creationsIn(context, sourceId)
  if (!rows.some((row) => unsettled.fault(row) !== undefined)) return rows
  for (const end of isNested ? [] : ends) await end()
  const fresh = isNested ? rows : await evaluate(context, sourceId)
  for (const row of fresh) if (row.status === null) refuseUnsettled(context, row)
  return fresh
}

/** Notes what changes of the mapping in the other direction have created. @returns what waits for those of this object to end */
async function creationsIn({ mapping, parts, unsettled }: RunContext, sourceId: string) {
  const ends: (() => Promise<void> | undefined)[] = []
  for (const opposite of parts.mappings.filter((other) => isOpposite(mapping, other))) {
    const changes = await parts.events.intentsOf({ mapping: opposite.name })
    unsettled.addCreated(changes)
    const links = new LinkSpace(opposite, parts.mappings, parts.links)
    for (const { resourceId, intents } of changes)
      if (Object.values(intents).some(({ id }) => id === sourceId))
        ends.push(() => parts.locks?.ended(opposite.name, links.sourceKey(resourceId)))
  }
  return ends
}

export async function evaluate(context: RunContext, sourceId: string, qualifier?: string): Promise<Row[]> {
  const parts = context.evaluationParts(context.liveTargets())
  const source = await context.sources.read(sourceId, 'sourceObjectQuery')
  if (!source) return evaluateDeletion(parts, sourceId, qualifier)
  return new SourceEvaluator(parts).evaluate([source], qualifier === undefined ? undefined : { qualifier })
}
