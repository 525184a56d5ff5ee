import { type Intent, newRow, type Row } from '../../repo/runs/run-row.ts'
import type { RunContext } from '../context/run-context.ts'
import { carryOutRow } from '../runs/single-row.ts'

/**
 * Completes what an earlier attempt of a change has left half done: a crash came between the deletion of a target and the
 * removal of its link, or between the creation of a target, whose source is gone since, and its link.
 * @param rows as evaluated by the present state
 * @returns the rows that changed a link: the others are to be evaluated again
 */
export async function settleInterrupted(context: RunContext, rows: readonly Row[]): Promise<Row[]> {
  const { links, parts } = context
  const done: Row[] = []
  const intents = parts.live?.intents
  if (!intents || !links.enabled) return done
  for (const row of rows) {
    const { link, target, source, qualifier } = row
    const isDangling = link !== null && target === null
    if (!isDangling && (link !== null || source !== null)) continue
    const known = await intents.known(qualifier)
    const settled = isDangling ? await unlinked(context, row, known) : await linked(context, row, known)
    if (!settled) continue
    if (settled.status === 'SUCCESS' && isDangling) await intents.note(qualifier, undefined)
    done.push(settled)
  }
  return done
}

async function unlinked(context: RunContext, row: Row, known: readonly Intent[]): Promise<Row | undefined> {
  const { links, targets } = context
  const { link, qualifier, sourceId, source } = row
  const isOurs = ({ kind, id }: Intent) => kind === 'write' && id !== null && links.targetKey(id) === link?.targetKey
  const intent = known.find(isOurs)
  if (!intent || !(await targets.isAbsent(link?.targetKey ?? ''))) return undefined
  const decision = { situation: 'MISSING', action: 'UNLINK', reason: 'an interrupted deletion is completed' }
  const pair = { qualifier, sourceId, source, targetId: intent.id, link }
  return carryOutRow(context, newRow({ phase: 'source', ...pair, ...decision }))
}

/** With its link, the target is what the source has left behind. */
async function linked(context: RunContext, row: Row, known: readonly Intent[]): Promise<Row | undefined> {
  const { links, targets, rows } = context
  const { qualifier, sourceId } = row
  const id = known.findLast((intent) => intent.kind !== 'write')?.id ?? null
  if (id === null || sourceId === null || !(await targets.read(id, 'targetObjectQuery'))) return undefined
  const decision = { situation: 'FOUND', action: 'LINK', reason: 'an interrupted creation is completed' }
  const pair = { qualifier, sourceId, targetId: id, newLink: links.between(sourceId, id, qualifier) }
  const settled = newRow({ phase: 'source', ...pair, ...decision, status: 'SUCCESS' })
  // Where it is linked to another source, it is not ours.
  return (await rows.finish([settled], true))[0] ? settled : undefined
}
