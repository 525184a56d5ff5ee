import { isObject } from '../../core/json.ts'
import { conflict } from '../../crest/errors.ts'
import type { RunStore, StoredRun } from '../../repo/runs/run-store.ts'
import type { Caller } from '../context/plan-record.ts'
import type { RunOptions, Undo } from '../context/run-options.ts'
import type { ConfiguredMapping, MappingRegistry } from '../mapping/registry.ts'
import type { Plans } from './plans.ts'
import { linksOf, type ResumeState } from './resume.ts'

/** The state of a run that is kept beside what is shown of it. */
const stateOf = ({ resume }: StoredRun): ResumeState | null => resume as unknown as ResumeState | null

/** The run that a plan, or a run, undoes. */
export const undoOf = (run: StoredRun): Undo | undefined => stateOf(run)?.options.undo

/** How undoing a run is asked for. */
export interface UndoRequest {
  /** How many objects the run created, which are to be deleted; undefined = they stay. */
  readonly deleteCreated?: number | undefined
  readonly by?: Caller
}

interface UndoParts {
  readonly runs: RunStore
  readonly mappings: MappingRegistry
}

/**
 * What undoing a run takes.
 * @throws conflict when it cannot be undone, or created another number of objects
 */
export async function undoable(
  { runs, mappings }: UndoParts,
  run: StoredRun,
  { deleteCreated }: UndoRequest,
): Promise<{ undo: Undo; configured: ConfiguredMapping }> {
  const state = stateOf(run)
  if (run.isAnalysis) throw conflict(`${run.id} is a plan and has written nothing: undo the run that carried it out`)
  if (run.state === 'ACTIVE') throw conflict(`Reconciliation ${run.id} is running: cancel it, or wait for its end`)
  if (!state || run.content.keepsBefore !== true) throw conflict(`Reconciliation ${run.id} cannot be undone: ${KEPT}`)
  if (!mappings.find(run.mapping)) throw conflict(`The mapping ${run.mapping} is not configured any more: ${NEEDS}`)
  const configured = await mappings.usable(run.mapping)
  const { mapping } = configured
  if (mapping.target !== state.target || linksOf(mapping) !== state.links)
    throw conflict(`The target, the source or the links of ${run.mapping} are others than when it ran: ${NEEDS}`)
  const created = await createdBy(runs, run)
  if (deleteCreated !== undefined && deleteCreated !== created)
    throw conflict(`The run created ${created} objects, not ${deleteCreated}: confirm with deleteCreated ${created}`)
  const { id, number } = run
  return { configured, undo: { run: id, number, deletesCreated: deleteCreated !== undefined, hooks: state.hooks } }
}

/** The options of the run that plans to undo another one. */
export async function undoOptions(
  plans: Plans,
  configured: ConfiguredMapping,
  undo: Undo,
  by: Caller,
): Promise<RunOptions> {
  const digest = await plans.digest(configured, {})
  return {
    ...{ action: 'recon', ids: [], isAnalysis: true, persists: true, overrides: {}, startedBy: by, undo, digest },
    plan: plans.begin(configured, digest, {}, by),
  }
}

const KEPT = 'it ran with "keepBefore": false, with an earlier version, or longer than keepBeforeFor ago'

const NEEDS = 'configure it as it was for that run, since its links and objects cannot be set right otherwise'

/** How many objects a run created. */
async function createdBy(runs: RunStore, { number }: StoredRun): Promise<number> {
  const tally = await runs.rows(number).tally()
  const own = tally.filter(
    ({ action, status }) => action === 'CREATE' && (status === 'SUCCESS' || status === 'INTENDED'),
  )
  return own.reduce((sum, { count }) => sum + count, 0)
}

/** Notes at a run that another one undoes it. It cannot go on after that. */
export async function noteUndone(
  runs: RunStore,
  { run, by }: { readonly run: string; readonly by: string },
  undo: Undo,
) {
  const undone = await runs.find(undo.run)
  if (!undone) return
  const { resumable: _, undoneBy, ...content } = undone.content
  const entry = { run, by, at: new Date().toISOString() }
  const earlier = Array.isArray(undoneBy) ? undoneBy.filter((one) => isObject(one)) : []
  await runs.update(undone.number, undone.state, { ...content, undoneBy: [...earlier, entry] })
}
