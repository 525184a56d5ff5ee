import { type Intent, newRow, type Row } from '../../repo/runs/run-row.ts'
import type { RunContext } from '../context/run-context.ts'
import { carryOutRow } from '../runs/single-row.ts'

/**
 * Removes the links to targets that an earlier attempt of a queued change has deleted: a crash came between the deletion
 * and the removal of the link.
 * @param rows as evaluated by the present state
 * @returns the rows that removed a link: the others are to be evaluated again
 */
export async function settleDeletions(context: RunContext, rows: readonly Row[]): Promise<Row[]> {
  const { links, targets, parts } = context
  const done: Row[] = []
  const intents = parts.live?.intents
  if (!intents) return done
  for (const { link, target, qualifier, sourceId } of rows) {
    if (link === null || target !== null) continue
    const isOurs = ({ kind, id }: Intent) => kind === 'write' && id !== null && links.targetKey(id) === link.targetKey
    const intent = (await intents.known(qualifier)).find(isOurs)
    if (!intent) continue
    if (!(await targets.isAbsent(link.targetKey))) continue
    const decision = { situation: 'MISSING', action: 'UNLINK', reason: 'an interrupted deletion is completed' }
    const pair = { qualifier, sourceId, targetId: intent.id, link }
    const row = await carryOutRow(context, newRow({ phase: 'source', ...pair, ...decision }))
    if (row.status === 'SUCCESS') await intents.note(qualifier, undefined)
    done.push(row)
  }
  return done
}
