import type { JsonObject } from '../../contract.ts'
import { conflict, internalError, ResourceException } from '../../crest/errors.ts'
import type { WriteRecorder } from '../../crest/protocol/recorder.ts'
import { withoutIdentity } from '../../crest/protocol/represent.ts'
import type { Row } from '../../repo/runs/run-row.ts'
import type { Hook } from '../mapping/mapping.ts'
import { idOf } from '../read/object-set.ts'
import type { HookCall, Hooks } from './hooks.ts'
import type { Mapped, Mapper } from './mapper.ts'

/** A row whose action derives the target from the source. */
export interface DesiredTask {
  readonly row: Row
  /** The result of mapping the properties, where it is known already. */
  readonly mapped?: JsonObject | null | undefined
  readonly recorder?: WriteRecorder | undefined
}

/** The object that the properties are mapped onto. */
export const ontoOf = ({ action, target }: Row): JsonObject =>
  action === 'UPDATE' && target ? withoutIdentity(target) : {}

export const idIn = ({ _id: id }: JsonObject): string | null => (typeof id === 'string' && id !== '' ? id : null)

/** The results of `onMapping`, the properties and the hook of the action, or why there is none. */
export async function desiredTargets(
  { hooks, mapper }: { readonly hooks: Hooks; readonly mapper: Mapper },
  tasks: readonly DesiredTask[],
): Promise<Mapped[]> {
  const results: Mapped[] = tasks.map(({ row }) => ontoOf(row))
  await runHook(hooks, 'onMapping', tasks, results)
  // A known result is outdated when the hook has changed the object.
  const open = fine(tasks, results).filter(({ task }) => hooks.has('onMapping') || !task.mapped)
  const mapped = await mapper.map(
    open.map(({ task: { row, recorder }, object: onto }) => {
      return { source: row.source ?? {}, onto, linkQualifier: row.qualifier, recorder }
    }),
  )
  if (!hooks.has('onMapping'))
    for (const { index, task } of fine(tasks, results)) if (task.mapped) results[index] = task.mapped
  for (const [place, { index }] of open.entries()) results[index] = mapped[place] ?? internalError('Nothing was mapped')
  await runHook(hooks, 'onCreate', tasks, results)
  await runHook(hooks, 'onUpdate', tasks, results)
  for (const { index, task, object } of fine(tasks, results)) {
    const { action, target } = task.row
    const id = idIn(object)
    if (action === 'UPDATE' && target && id && id !== idOf(target))
      results[index] = conflict('The mapping would give the target another _id')
  }
  return results
}

const HOOK_ACTION: Readonly<Partial<Record<Hook, string>>> = { onCreate: 'CREATE', onUpdate: 'UPDATE' }

/** Lets a hook change the objects of the rows with its action. */
async function runHook(hooks: Hooks, hook: Hook, tasks: readonly DesiredTask[], results: Mapped[]): Promise<void> {
  if (!hooks.has(hook)) return
  const action = HOOK_ACTION[hook]
  const open = fine(tasks, results).filter(({ task }) => action === undefined || task.row.action === action)
  const calls = open.map(({ task: { row, recorder }, object }): HookCall => {
    return { row, recorder, variables: { oldTarget: row.action === 'CREATE' ? null : row.target, target: object } }
  })
  const left = await hooks.runMany(hook, calls)
  for (const [place, { index, object }] of open.entries()) results[index] = left[place] ?? object
}

const fine = (tasks: readonly DesiredTask[], results: readonly Mapped[]) =>
  tasks.flatMap((task, index) => {
    const object = results[index]
    return object === undefined || object instanceof ResourceException ? [] : [{ index, task, object }]
  })
