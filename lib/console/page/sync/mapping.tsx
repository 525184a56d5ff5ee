import { useState } from 'preact/hooks'
import { action, type Json, type JsonObject, quoted } from '../api.ts'
import { goTo, linkTo, useLoad, useTask } from '../ui/hooks.ts'
import { Badge, Button, Confirm, Field, Loading, Note, Page, Problem, Table, Time } from '../ui/parts.tsx'
import { toAct } from '../ui/permissions.ts'
import { loadMappings, loadRuns, type MappingConfig } from './mappings.tsx'
import { kindOf, type Run, stateOf } from './model.ts'

const PLAN = { analyze: true, persistAssociations: true }

export function Mapping({ name }: { name: string }) {
  const loaded = useLoad(
    name,
    async (signal) => ({
      mapping: (await loadMappings(signal)).find((one) => one.name === name),
      runs: await loadRuns(`mapping eq ${quoted(name)}`, signal),
    }),
    ({ runs }) => (runs.some(({ state }) => state === 'ACTIVE') ? 1500 : 10_000),
  )
  return (
    <Page title={name} trail={<a href={linkTo('sync')}>Synchronization</a>}>
      <Loading of={loaded}>
        {({ mapping, runs }) => (
          <>
            {mapping ? (
              <Start mapping={mapping} isRunning={runs.some(({ state }) => state === 'ACTIVE')} />
            ) : (
              <Note>This mapping is no longer configured. Its runs are still here.</Note>
            )}
            <History runs={runs} />
          </>
        )}
      </Loading>
    </Page>
  )
}

interface Pilot {
  readonly limit: string
  readonly sample: string
  readonly filter: string
}

function Start({ mapping, isRunning }: { mapping: MappingConfig; isRunning: boolean }) {
  const { name, source, target, requireApproval, approverMustDiffer, fault } = mapping
  const [pilot, setPilot] = useState<Pilot>({ limit: '', sample: '', filter: '' })
  const [asks, setAsks] = useState(false)
  const { busy, error, run, clear } = useTask()
  const start = (what: 'recon' | 'verify', params: Record<string, boolean> = {}, body: Json = {}) =>
    run(async () => {
      const { _id } = await action('recon', what, { mapping: name, ...params }, body)
      goTo('run', String(_id))
    })
  return (
    <section class="card" aria-label="Start">
      <dl class="facts">
        <div>
          <dt>From</dt>
          <dd>
            <code>{source}</code>
          </dd>
        </div>
        <div>
          <dt>To</dt>
          <dd>
            <code>{target}</code>
          </dd>
        </div>
        <div>
          <dt>Approval</dt>
          <dd>{requireApproval ? (approverMustDiffer ? 'required, by somebody else' : 'required') : 'not required'}</dd>
        </div>
      </dl>
      {fault && <p class="problem">{fault}</p>}
      {isRunning && <Note>A run of this mapping is active: there is one at a time.</Note>}
      <div class="actions">
        <Button
          kind="primary"
          disabled={busy || isRunning}
          needs={[toAct('recon', 'recon', { mapping: name })]}
          onClick={() => start('recon', PLAN, pilotBody(pilot))}
        >
          Dry run
        </Button>
        <Button
          disabled={busy || isRunning}
          needs={[toAct('recon', 'verify', { mapping: name })]}
          onClick={() => start('verify')}
        >
          Compare both sides
        </Button>
        {!requireApproval && (
          <Button
            kind="danger"
            disabled={busy || isRunning}
            needs={[toAct('recon', 'recon', { mapping: name })]}
            onClick={() => setAsks(true)}
          >
            Run without a plan…
          </Button>
        )}
      </div>
      <Note>
        A dry run makes a plan and writes nothing. You read it, approve it where that is required, and carry it out.
      </Note>
      <details>
        <summary>Look at a part only</summary>
        <PilotForm value={pilot} onChange={setPilot} />
      </details>
      {!asks && <Problem error={error} />}
      {asks && (
        <Confirm
          title={`Run ${name} without a plan?`}
          confirm="Run now"
          danger
          busy={busy}
          error={error}
          onClose={() => {
            clear()
            setAsks(false)
          }}
          onConfirm={() => start('recon', { persistAssociations: true })}
        >
          <p>
            It changes objects of <code>{target}</code> at once. A dry run shows what would change first.
          </p>
        </Confirm>
      )}
    </section>
  )
}

const pilotBody = ({ limit, sample, filter }: Pilot): JsonObject => ({
  ...(limit !== '' && { limit: Number(limit) }),
  ...(sample !== '' && { sample: Number(sample) }),
  ...(filter !== '' && { filter }),
})

function PilotForm({ value, onChange }: { value: Pilot; onChange: (value: Pilot) => void }) {
  const text = (name: keyof Pilot, type: 'number' | 'search') => (props: { id: string }) => {
    const onInput = (event: { currentTarget: HTMLInputElement }) =>
      onChange({ ...value, [name]: event.currentTarget.value })
    const common = { ...props, value: value[name], onInput }
    return type === 'number' ? <input {...common} type="number" min={1} /> : <input {...common} type="search" />
  }
  return (
    <div class="filters">
      <Field label="The first sources">{text('limit', 'number')}</Field>
      <Field label="Sources at random">{text('sample', 'number')}</Field>
      <Field label="Query filter" hint={<>such as /sn sw "A"</>}>
        {text('filter', 'search')}
      </Field>
    </div>
  )
}

function History({ runs }: { runs: readonly Run[] }) {
  const [chosen, setChosen] = useState<readonly string[]>([])
  if (runs.length === 0) return <Note>This mapping has not run yet.</Note>
  const toggle = (id: string) =>
    setChosen(chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id].slice(-2))
  // The later one is shown against the earlier one.
  const pair = runs.filter(({ _id }) => chosen.includes(_id)).map(({ _id }) => _id)
  const [later, earlier] = pair
  return (
    <section aria-label="History">
      <h2>Plans and runs</h2>
      <Table label="Plans and runs" head={['Compare', 'Kind', 'State', 'Started', 'By']}>
        {runs.map((run) => (
          <tr key={run._id}>
            <td>
              <input
                type="checkbox"
                aria-label={`Compare ${kindOf(run)} of ${run.started}`}
                checked={chosen.includes(run._id)}
                onChange={() => toggle(run._id)}
              />
            </td>
            <td>
              <a href={linkTo('run', run._id)}>{kindOf(run)}</a>
            </td>
            <td>
              <Badge tone={stateOf(run).tone}>{stateOf(run).text}</Badge>
            </td>
            <td>
              <Time at={run.started} />
            </td>
            <td>{run.startedBy ?? '–'}</td>
          </tr>
        ))}
      </Table>
      <Button disabled={!later || !earlier} onClick={() => later && earlier && goTo('run', later, 'diff', earlier)}>
        Show the differences of two
      </Button>
    </section>
  )
}
