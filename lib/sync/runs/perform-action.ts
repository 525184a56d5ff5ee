import { conflict, notFound, ResourceException } from '../../crest/errors.ts'
import type { RequestContext } from '../../crest/protocol/request.ts'
import { LINK_EXISTS, type Row } from '../../repo/runs/run-row.ts'
import type { Action } from '../action.ts'
import type { RunContext } from '../context/run-context.ts'
import { evaluateDeletion } from '../evaluate/evaluate-deletion.ts'
import { SourceEvaluator } from '../evaluate/evaluate-sources.ts'
import { evaluateTargets } from '../evaluate/evaluate-targets.ts'
import type { EvaluationOptions } from '../evaluate/evaluation.ts'
import { seenAt } from '../evaluate/targets.ts'
import type { ConfiguredMapping } from '../mapping/registry.ts'
import { ALLOWED_ACTIONS, type Situation } from '../situation.ts'
import type { ReconServiceOptions } from './recon-service.ts'
import { carryOutRow, singleContext } from './single-row.ts'

/** An explicit action on a pair that is identified by its source, its target, or both. */
export interface ExplicitAction {
  readonly sourceId: string | null
  readonly targetId: string | null
  readonly linkQualifier: string
  /** Whether the pair is evaluated from the target. */
  readonly target: boolean
  readonly action: Action
  /** The situation that the caller expects; null = any. */
  readonly situation: Situation | null
}

/**
 * Carries out one action on one pair: a plan of one row, evaluated by the present state. As at the vendor, the situation
 * must be the expected one; in addition, it must allow the action.
 * @throws ResourceException when the action is not possible or fails
 */
export async function performAction(
  parts: ReconServiceOptions,
  configured: ConfiguredMapping,
  asked: ExplicitAction,
  caller: RequestContext = {},
): Promise<void> {
  if (configured.mapping.requireApproval)
    throw conflict(
      `The mapping ${configured.mapping.name} has requireApproval: an action on one pair would write without an approved plan. Make one with reconById`,
    )
  // Who names the situation has looked at the pair: the source wins over what the target has changed.
  const overrides = asked.action === 'UPDATE' && asked.situation !== null ? { conflict: 'source' as const } : {}
  const context = await singleContext(parts, configured, caller, { overrides })
  const done = await carryOutRow(context, await evaluate(context, asked))
  parts.observer?.performed(configured.mapping, done, caller)
  if (done.status !== 'SUCCESS') throw failureOf(done)
}

async function evaluate(context: RunContext, asked: ExplicitAction): Promise<Row> {
  const parts = { ...context.evaluationParts(context.liveTargets()), forced: (row: Row) => allowedAction(asked, row) }
  if (asked.sourceId !== null && !asked.target) return fromSource(context, parts, asked, asked.sourceId)
  return fromTarget(context, parts, asked)
}

async function fromSource(
  context: RunContext,
  parts: EvaluationOptions,
  asked: ExplicitAction,
  sourceId: string,
): Promise<Row> {
  const { links, mapping, sources, targets } = context
  const { linkQualifier: qualifier, targetId } = asked
  const link = await linkOf(context, qualifier, 'source', sourceId)
  const named = targetId === null ? undefined : links.targetKey(targetId)
  if (link && named !== undefined && link.targetKey !== named)
    throw conflict(`${mapping.source}: ${sourceId} is linked to ${link.targetKey}, not to ${targetId}`)
  if (!link && named !== undefined && !(await targets.read(named, 'targetObjectQuery')))
    throw notFound(`${mapping.target}: there is no object ${targetId}`)
  const source = await sources.read(sourceId, 'sourceObjectQuery')
  if (source) {
    const [row] = await new SourceEvaluator(parts).evaluate([source], { qualifier, targetKey: named })
    if (row) return row
    throw conflict(`${mapping.source}: ${sourceId} has no links of the kind "${qualifier}"`)
  }
  if (!link) throw notFound(`${mapping.source}: there is no object ${sourceId}`)
  const [row] = await evaluateDeletion(parts, sourceId, qualifier)
  if (row) return row
  throw notFound(`${mapping.source}: there is no object ${sourceId}`)
}

async function fromTarget(context: RunContext, parts: EvaluationOptions, asked: ExplicitAction): Promise<Row> {
  const { mapping, links, targets } = context
  const { sourceId, linkQualifier: qualifier } = asked
  const own = sourceId === null ? null : await linkOf(context, qualifier, 'source', sourceId)
  const id = asked.targetId ?? own?.targetKey ?? null
  const target = id === null ? null : await targets.read(id, 'targetObjectQuery')
  if (!target || id === null) throw notFound(`${mapping.target}: there is no object ${id ?? `linked to ${sourceId}`}`)
  const link = await linkOf(context, qualifier, 'target', id)
  if (sourceId !== null && link?.sourceKey !== links.sourceKey(sourceId))
    throw conflict(`${mapping.target}: ${id} is linked to ${link?.sourceKey ?? 'no source'}, not to ${sourceId}`)
  const [row] = await evaluateTargets(parts, [seenAt(links, target)], qualifier)
  if (row) return row
  throw notFound(`${mapping.target}: there is no object ${id}`)
}

async function linkOf({ links }: RunContext, linkQualifier: string, side: 'source' | 'target', id: string) {
  const found =
    side === 'source' ? await links.bySources([links.sourceKey(id)]) : await links.byTargets([links.targetKey(id)])
  return found.find(({ qualifier }) => qualifier === linkQualifier) ?? null
}

/** @throws conflict when the situation is not the expected one, or does not allow the action */
function allowedAction({ action, situation: named }: ExplicitAction, row: Row): Action {
  const situation = row.situation as Situation
  if (named !== null && named !== situation)
    throw conflict(`The situation is ${situation} (${row.reason}), not ${named}`)
  const allowed = ALLOWED_ACTIONS[situation]
  if (allowed.includes(action)) return action
  throw conflict(
    `${action} is not possible: the situation is ${situation} (${row.reason}), which allows ${allowed.join(', ')}`,
  )
}

function failureOf({ failure }: Row): ResourceException {
  const { code, message, reason, detail } = failure ?? LINK_EXISTS
  return new ResourceException(Number(code), String(message), {
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(detail === undefined ? {} : { detail }),
  })
}
