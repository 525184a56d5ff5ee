import type { Row } from '../../repo/runs/run-row.ts'
import type { RunContext } from '../context/run-context.ts'
import { addCreated } from '../context/unsettled.ts'
import { evaluateDeletion } from '../evaluate/evaluate-deletion.ts'
import { SourceEvaluator } from '../evaluate/evaluate-sources.ts'
import { LinkSpace } from '../evaluate/link-space.ts'

/**
 * Evaluates a source by the present state of both sides: one that a change of the mapping in the other direction is creating,
 * when that has ended and it has its link.
 * @param isNested whether it is inside other work, which never waits
 */
export async function evaluateChange(context: RunContext, sourceId: string, isNested: boolean): Promise<Row[]> {
  const { parts } = context
  const rows = await evaluate(context, sourceId)
  if (isNested || !rows.some(({ action, link }) => action === 'CREATE' && link === null)) return rows
  const changes = (await addCreated(context)).filter(({ intents }) =>
    Object.values(intents).some(({ id }) => id === sourceId),
  )
  for (const { opposite, resourceId } of changes) {
    const links = new LinkSpace(opposite, parts.mappings, parts.links)
    await parts.locks?.ended(opposite.name, links.sourceKey(resourceId))
  }
  return changes.length > 0 ? evaluate(context, sourceId) : rows
}

export async function evaluate(context: RunContext, sourceId: string, qualifier?: string): Promise<Row[]> {
  const parts = context.evaluationParts(context.liveTargets())
  const source = await context.sources.read(sourceId, 'sourceObjectQuery')
  if (!source) return evaluateDeletion(parts, sourceId, qualifier)
  return new SourceEvaluator(parts).evaluate([source], qualifier === undefined ? undefined : { qualifier })
}
