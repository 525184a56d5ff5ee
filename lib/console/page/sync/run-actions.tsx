import { useState } from 'preact/hooks'
import { action, call, type JsonObject } from '../api.ts'
import { goTo, useTask } from '../ui/hooks.ts'
import { Button, Confirm, Field, Problem } from '../ui/parts.tsx'
import { type Question, toAct } from '../ui/permissions.ts'
import { isExecutable, kindOf, type Plan, type Run } from './model.ts'

interface ActionsProps {
  readonly run: Run
  readonly plan: Plan | undefined
  readonly onChanged: () => void
}

type Asked = 'execute' | 'undo' | 'cancel' | 'remove'

const needsOf = (path: string) => ({
  approve: [toAct(path, 'approve')],
  execute: [toAct(path, 'execute')],
  resume: [toAct(path, 'resume')],
  cancel: [toAct(path, 'cancel')],
  undo: [toAct(path, 'undo')],
  remove: [`delete ${path}`],
})

/** What may be done with a run or plan in its state. */
export function RunActions({ run, plan, onChanged }: ActionsProps) {
  const [asked, setAsked] = useState<Asked>()
  const task = useTask()
  const isActive = run.state === 'ACTIVE'
  const close = () => {
    task.clear()
    setAsked(undefined)
  }
  const act = (name: string, body: JsonObject = {}, opens = false) =>
    task.run(async () => {
      const answer = await action(`recon/${run._id}`, name, {}, body)
      setAsked(undefined)
      if (opens) goTo('run', String(answer._id))
      else onChanged()
    })
  const remove = () =>
    task.run(async () => {
      await call('DELETE', `recon/${run._id}`)
      goTo('sync', run.mapping)
    })
  const wrote = !isActive && (kindOf(run) === 'run' || kindOf(run) === 'undo') && run.undoneBy === undefined
  const needs = needsOf(`recon/${run._id}`)
  const dialog = { busy: task.busy, error: task.error, onClose: close }
  return (
    <>
      <div class="actions">
        {plan?.state === 'WAITING' && (
          <Button kind="primary" disabled={task.busy} needs={needs.approve} onClick={() => act('approve')}>
            Approve
          </Button>
        )}
        {plan && !isActive && isExecutable(plan) && (
          <Button kind="primary" disabled={task.busy} needs={needs.execute} onClick={() => setAsked('execute')}>
            Carry out…
          </Button>
        )}
        {run.resumable && (
          <Button kind="primary" disabled={task.busy} needs={needs.resume} onClick={() => act('resume')}>
            Resume
          </Button>
        )}
        {(isActive || run.resumable) && (
          <Button kind="danger" disabled={task.busy} needs={needs.cancel} onClick={() => setAsked('cancel')}>
            {isActive ? 'Cancel…' : 'Give up…'}
          </Button>
        )}
        {wrote && !run.resumable && (
          <Button disabled={task.busy} needs={needs.undo} onClick={() => setAsked('undo')}>
            Undo…
          </Button>
        )}
        {!isActive && (
          <Button disabled={task.busy} needs={needs.remove} onClick={() => setAsked('remove')}>
            Delete…
          </Button>
        )}
      </div>
      {!asked && <Problem error={task.error} />}
      {asked === 'execute' && plan && (
        <Execute {...dialog} needs={needs.execute} plan={plan} onExecute={(body) => act('execute', body, true)} />
      )}
      {asked === 'undo' && <Undo {...dialog} needs={needs.undo} run={run} onUndo={(body) => act('undo', body, true)} />}
      {asked === 'cancel' && (
        <Confirm
          {...dialog}
          needs={needs.cancel}
          title={isActive ? 'Cancel this run?' : 'Give this run up?'}
          confirm={isActive ? 'Cancel the run' : 'Give it up'}
          danger
          onConfirm={() => act('cancel')}
        >
          <p>
            {isActive
              ? 'Rows under way are finished. What is written stays, and can be undone.'
              : 'It can no longer be resumed. What is written stays.'}
          </p>
        </Confirm>
      )}
      {asked === 'remove' && (
        <Confirm
          {...dialog}
          needs={needs.remove}
          title="Delete this record?"
          confirm="Delete"
          danger
          onConfirm={remove}
        >
          <p>The record with all its rows goes. What it has written stays, and can no longer be undone.</p>
        </Confirm>
      )}
    </>
  )
}

interface DialogProps {
  readonly needs: readonly Question[]
  readonly busy: boolean
  readonly error: Error | undefined
  readonly onClose: () => void
}

const KINDS = [
  ['creates', ['CREATE']],
  ['updates', ['UPDATE']],
  ['deletes', ['DELETE']],
  ['links', ['LINK', 'UNLINK']],
] as const

function Execute({ plan, onExecute, ...dialog }: DialogProps & { plan: Plan; onExecute: (body: JsonObject) => void }) {
  const [only, setOnly] = useState<readonly string[]>([])
  const [limit, setLimit] = useState('')
  const [approximate, setApproximate] = useState(false)
  const waiting = (actions: readonly string[]) =>
    plan.counts.reduce((sum, row) => sum + (actions.includes(row.action) ? row.waiting : 0), 0)
  const needsApproximate = plan.counts.some((row) => row.approximate > 0)
  const body = {
    ...(only.length > 0 && { only: [...only] }),
    ...(limit !== '' && { limit: Number(limit) }),
    ...(approximate && { allowApproximate: true }),
  }
  return (
    <Confirm {...dialog} title="Carry out this plan?" confirm="Carry out" onConfirm={() => onExecute(body)}>
      <fieldset class="checks">
        <legend>Take</legend>
        {KINDS.map(([kind, actions]) => (
          <label key={kind}>
            <input
              type="checkbox"
              checked={only.length === 0 || only.includes(kind)}
              onChange={() => setOnly(toggled(only, kind))}
            />{' '}
            {kind} ({waiting(actions).toLocaleString()})
          </label>
        ))}
      </fieldset>
      <Field label="At most this many rows" hint="Empty: all. The other rows stay in the plan.">
        {(props) => (
          <input {...props} type="number" min={1} value={limit} onInput={(e) => setLimit(e.currentTarget.value)} />
        )}
      </Field>
      {needsApproximate && (
        <label>
          <input type="checkbox" checked={approximate} onChange={() => setApproximate(!approximate)} /> Also rows that
          are approximate
        </label>
      )}
    </Confirm>
  )
}

/** No kind at all means all of them. */
function toggled(only: readonly string[], kind: string): readonly string[] {
  const all = KINDS.map(([name]) => name as string)
  const chosen = only.length === 0 ? all : only
  const next = chosen.includes(kind) ? chosen.filter((name) => name !== kind) : [...chosen, kind]
  return next.length === all.length ? [] : next
}

function Undo({ run, onUndo, ...dialog }: DialogProps & { run: Run; onUndo: (body: JsonObject) => void }) {
  const created = run.progress?.target.created ?? 0
  const [deletes, setDeletes] = useState(false)
  return (
    <Confirm
      {...dialog}
      title="Plan to undo this run?"
      confirm="Make the plan"
      onConfirm={() => onUndo(deletes ? { deleteCreated: created } : {})}
    >
      <p>This makes a plan, like a dry run: nothing is written until you carry it out.</p>
      {created > 0 && (
        <label>
          <input type="checkbox" checked={deletes} onChange={() => setDeletes(!deletes)} /> Also delete the{' '}
          {created.toLocaleString()} objects that it created
        </label>
      )}
    </Confirm>
  )
}
