import type { JsonObject } from '../../contract.ts'
import type { PairLink } from '../../repo/links/link-store.ts'
import { isProbe, type Row } from '../../repo/runs/run-row.ts'
import type { RunRows } from '../../repo/runs/run-rows.ts'
import type { RunContext } from '../context/run-context.ts'
import { correlates } from '../evaluate/correlation.ts'
import { SourceEvaluator } from '../evaluate/evaluate-sources.ts'
import { situationFailure } from '../evaluate/evaluation.ts'
import { rowWindows } from '../row-windows.ts'
import { afterImage, noteCreated } from './images.ts'
import { settle } from './settlement.ts'

const WINDOW = 500

/**
 * Finds out what became of rows whose outcomes were not stored, and stores it: with the link of a target that was created;
 * as waiting, where it was not; as UNKNOWN where nothing tells.
 * @param context of the run that looks
 * @param rows of the run that left them: if its own, creations that failed without an answer wait again, too
 * @throws ResourceException when the target or source cannot be read
 */
export async function settleRows(context: RunContext, rows: RunRows): Promise<void> {
  await rows.endParticipations()
  for await (const window of rowWindows((after) => rows.unsettled(after, WINDOW))) {
    const open = window.filter(({ status }) => status !== 'SUCCESS')
    await new Settling(context, rows).settle(open)
  }
}

/** The same for rows of a run that goes on, of which a node has not told what it has done. @param keys in their order */
export async function settleWindow(context: RunContext, keys: readonly number[]): Promise<void> {
  const { rows } = context
  const [own, first = 0, last = 0] = [new Set(keys), keys[0], keys.at(-1)]
  for await (const window of rowWindows((after) => rows.unsettled(after, WINDOW), first - 1)) {
    const open = window.filter(({ key, status }) => status === 'INTENDED' && own.has(key))
    if (open.length > 0) await new Settling(context, rows).settle(open)
    if ((window.at(-1)?.key ?? last) >= last) return
  }
}

const UNKNOWN =
  'The process ended before the answer came, and nothing tells whether it was carried out: it is not repeated'

class Settling {
  readonly #context: RunContext
  readonly #rows: RunRows

  constructor(context: RunContext, rows: RunRows) {
    this.#context = context
    this.#rows = rows
  }

  async settle(rows: readonly Row[]): Promise<void> {
    const creations = rows.filter(isCreation)
    const [links, targets, sent, found] = [
      await this.#links(rows),
      await this.#targets(rows),
      await this.#sent(creations.filter(({ intent }) => intent?.kind === 'mapped' || intent?.kind === 'mappedProbe')),
      await this.#correlated(creations.filter(({ intent }) => intent?.kind === 'assigned' || isProbe(intent))),
    ]
    const ended: Row[] = []
    const planned: Row[] = []
    for (const row of rows) {
      const link = links.get(row.key)
      const isLinked = isCreation(row) && row.situation !== 'MISSING' && link !== undefined
      const candidates = found && (found.has(row.key) ? 1 : 0)
      const target = targets.get(row.intent?.id ?? '') ?? null
      if (target && isCreation(row) && isOfOurs(row)) this.#context.clientIds.wereKept = true
      const settled = settle(row, { isLinked, target, sent: sent.get(row.key), candidates })
      if (settled === 'done') {
        const done = this.#done(row, link, target ? undefined : found?.get(row.key))
        if (isCreation(row) && target) noteCreated(done, target, target)
        ended.push(done)
      }
      if (settled === 'planned') planned.push(row)
      if (settled === 'unknown' && row.status !== 'UNKNOWN')
        ended.push({ ...row, status: 'UNKNOWN', failure: situationFailure(UNKNOWN), newLink: null, removedLinks: [] })
    }
    const keeps = this.#context.mapping.keepBefore
    const outcomes = ended.map((row) => ({ ...row, after: afterImage(row, keeps) }))
    if (outcomes.length > 0) await this.#rows.finish(outcomes, true)
    const isOwn = this.#rows === this.#context.rows
    const again = planned.filter(({ status }) => status === 'INTENDED' || (isOwn && status === 'FAILURE'))
    if (again.length > 0) await this.#rows.replan(again.map((row) => forAnotherAttempt(row, found !== undefined)))
  }

  #done(row: Row, link: PairLink | undefined, found: string | undefined): Row {
    const { links } = this.#context
    const done: Row = { ...row, status: 'SUCCESS', failure: null, newLink: null, removedLinks: [] }
    if (row.undo) return this.#undone(done, link)
    if (row.action === 'DELETE') return { ...done, link: link ?? null, removedLinks: link ? [link.id] : [] }
    const isLinked = link !== undefined && row.situation !== 'MISSING'
    done.targetId = isLinked ? link.targetKey : (found ?? row.intent?.id ?? null)
    if (isLinked || !links.enabled || row.sourceId === null || done.targetId === null) return done
    if (link && link.targetKey === links.targetKey(done.targetId)) return done
    done.newLink = links.between(row.sourceId, done.targetId, row.qualifier)
    done.link = link ?? null
    done.removedLinks = link ? [link.id] : []
    return done
  }

  /** The links of a row of an undo, which says itself what comes back. */
  #undone(done: Row, link: PairLink | undefined): Row {
    const { links } = this.#context
    const { undo, action, intent, qualifier } = done
    if (action === 'CREATE') done.targetId = intent?.id ?? null
    const [earlier, targetId] = [undo?.link, undo?.link?.targetKey ?? done.targetId ?? '']
    const isThere = earlier && link?.sourceKey === earlier.sourceKey && link.targetKey === links.targetKey(targetId)
    if (isThere) return done
    if (earlier) done.newLink = links.between(earlier.sourceKey, targetId, qualifier)
    done.removedLinks = done.link ? [done.link.id] : []
    return done
  }

  /** The links of the sources of creations, and of the targets of deletions, by row. */
  async #links(rows: readonly Row[]): Promise<Map<number, PairLink>> {
    const { links } = this.#context
    const sources = rows.flatMap((row) => (isCreation(row) && row.sourceId !== null ? [row.sourceId] : []))
    const targets = rows.flatMap((row) => (row.action === 'DELETE' && row.targetId !== null ? [row.targetId] : []))
    const bySource = await links.bySources([...new Set(sources.map((id) => links.sourceKey(id)))])
    const byTarget = await links.byTargets([...new Set(targets.map((id) => links.targetKey(id)))])
    const places = [
      ...bySource.map((link) => [`CREATE ${link.qualifier} ${link.sourceKey}`, link] as const),
      ...byTarget.map((link) => [`DELETE ${link.qualifier} ${link.targetKey}`, link] as const),
    ]
    const found = new Map<string, PairLink>(places)
    const keyOf = ({ sourceId, targetId, action, qualifier }: Row): string =>
      action === 'CREATE'
        ? `CREATE ${qualifier} ${links.sourceKey(sourceId ?? '')}`
        : `${action} ${qualifier} ${links.targetKey(targetId ?? '')}`
    return new Map(
      rows.flatMap((row) => {
        const link = found.get(keyOf(row))
        return link ? [[row.key, link] as const] : []
      }),
    )
  }

  /** The targets by the ids of the intents. One that a deletion was about counts as there unless it is proven absent. */
  async #targets(rows: readonly Row[]): Promise<Map<string, JsonObject>> {
    const { targets } = this.#context
    const ids = rows
      .filter((row) => isCreation(row) || row.action === 'DELETE')
      .flatMap(({ intent }) => intent?.id ?? [])
    const found = await targets.byIds([...new Set(ids)], 'targetObjectQuery')
    for (const { action, intent } of rows) {
      const id = intent?.id ?? null
      if (action !== 'DELETE' || id === null || found.has(id)) continue
      if (!(await targets.isAbsent(id).catch(() => false))) found.set(id, {})
    }
    return found
  }

  /** What creations with an id of the mapping send by the present state of their sources, by row. */
  async #sent(rows: readonly Row[]): Promise<Map<number, JsonObject>> {
    const { sources, mapper } = this.#context
    const sent = new Map<number, JsonObject>()
    if (rows.length === 0) return sent
    const found = await sources.byIds([...new Set(rows.flatMap(({ sourceId }) => sourceId ?? []))], 'sourceObjectQuery')
    const open = rows.filter(({ sourceId }) => found.has(sourceId ?? ''))
    const mapped = await mapper.map(
      open.map(({ sourceId, qualifier: linkQualifier }) => {
        return { source: found.get(sourceId ?? '') ?? {}, onto: {}, linkQualifier }
      }),
    )
    for (const [index, { key }] of open.entries()) {
      const object = mapped[index]
      if (object && !(object instanceof Error)) sent.set(key, object)
    }
    return sent
  }

  /** The free target that correlates, by row; undefined = the mapping does not correlate. */
  async #correlated(rows: readonly Row[]): Promise<Map<number, string> | undefined> {
    const context = this.#context
    if (!correlates(context.mapping)) return undefined
    const found = new Map<number, string>()
    if (rows.length === 0) return found
    const ids = [...new Set(rows.flatMap(({ sourceId }) => sourceId ?? []))]
    const sources = await context.sources.byIds(ids, 'sourceObjectQuery')
    const parts = context.evaluationParts(context.liveTargets(), true, true)
    const fresh = await new SourceEvaluator(parts).evaluate([...sources.values()])
    for (const row of rows) {
      const now = fresh.find(({ sourceId, qualifier }) => sourceId === row.sourceId && qualifier === row.qualifier)
      if (now?.situation === 'FOUND' && now.targetId !== null) found.set(row.key, now.targetId)
    }
    return found
  }
}

/** Whether nothing but a creation with the id of the intent can have made an object with it. */
const isOfOurs = ({ intent }: Row): boolean => intent?.kind === 'id' || intent?.kind === 'probe'

const isCreation = ({ action }: Row): boolean => action === 'CREATE'

/** The id of a creation is used again: should the first request still arrive, one of the two is refused. */
function forAnotherAttempt(row: Row, isCorrelated: boolean): Row {
  switch (row.intent?.kind) {
    case 'id':
    case 'mapped':
      return row
    // No object correlates, so that there is none under another id either.
    case 'probe':
      return isCorrelated ? { ...row, intent: { ...row.intent, kind: 'id' } } : row
    case 'mappedProbe':
      return isCorrelated ? { ...row, intent: { ...row.intent, kind: 'mapped' } } : row
    default:
      return { ...row, intent: null }
  }
}
