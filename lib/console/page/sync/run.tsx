import { useMemo, useState } from 'preact/hooks'
import { linkTo, useLoad } from '../ui/hooks.ts'
import { Badge, count, Loading, Page, Table, Time } from '../ui/parts.tsx'
import { Entries, type EntryFilter, NO_FILTER } from './entries.tsx'
import { kindOf, type PlanCount, planStateOf, progressOf, type Run, shown, stateOf } from './model.ts'
import { RunActions } from './run-actions.tsx'
import { pollOf, RunStream, type Shown } from './run-stream.ts'

export function RunPage({ id }: { id: string }) {
  const stream = useMemo(() => new RunStream(id), [id])
  const loaded = useLoad(id, stream.load, pollOf)
  const [filter, setFilter] = useState<EntryFilter>(NO_FILTER)
  const { run } = loaded.data ?? {}
  const trail = (
    <>
      <a href={linkTo('sync')}>Synchronization</a>
      {run && (
        <>
          {' / '}
          <a href={linkTo('sync', run.mapping)}>{run.mapping}</a>
        </>
      )}
    </>
  )
  return (
    <Page title={run ? `${titleOf(run)} of ${run.mapping}` : 'Run'} trail={trail}>
      <Loading of={loaded}>
        {(data) => (
          <>
            <Facts {...data} />
            <RunActions {...data} onChanged={loaded.reload} />
            {data.run.verification && <Verification run={data.run} />}
            {data.plan && data.plan.counts.length > 0 && (
              <Counts counts={data.plan.counts} filter={filter} onFilter={setFilter} />
            )}
            <Entries
              id={id}
              version={`${data.run.state}/${data.plan?.executions.length ?? 0}`}
              counts={data.plan?.counts ?? []}
              filter={filter}
              onFilter={setFilter}
            />
          </>
        )}
      </Loading>
    </Page>
  )
}

const titleOf = (run: Run): string => {
  const kind = kindOf(run)
  return kind.charAt(0).toUpperCase() + kind.slice(1)
}

function Facts({ run, plan }: Shown) {
  const state = stateOf(run)
  const planned = plan && planStateOf(plan)
  return (
    <section class="card" aria-label="State">
      <dl class="facts">
        <div>
          <dt>State</dt>
          <dd aria-live="polite">
            <Badge tone={state.tone}>{state.text}</Badge>
          </dd>
        </div>
        {planned && run.state === 'SUCCESS' && (
          <div>
            <dt>Plan</dt>
            <dd aria-live="polite">
              <Badge tone={planned[1]}>{planned[0]}</Badge>
            </dd>
          </div>
        )}
        <div>
          <dt>Started</dt>
          <dd>
            <Time at={run.started} /> by {run.startedBy ?? '–'}
          </dd>
        </div>
        {run.ended && (
          <div>
            <dt>Took</dt>
            <dd>{durationOf(run.duration ?? 0)}</dd>
          </div>
        )}
        {plan?.validUntil && (
          <div>
            <dt>Valid until</dt>
            <dd>
              <Time at={plan.validUntil} />
            </dd>
          </div>
        )}
        {plan?.approval && (
          <div>
            <dt>Approved</dt>
            <dd>
              by {plan.approval.by}, <Time at={plan.approval.at} />
            </dd>
          </div>
        )}
        <Related run={run} plan={plan} />
      </dl>
      {planned && run.state === 'SUCCESS' && <p class="note">{planned[2]}</p>}
      {run.state === 'ACTIVE' && <Progress run={run} />}
      {run.state !== 'SUCCESS' && run.stageDescription && run.state !== 'ACTIVE' && (
        <p class="note">{run.stageDescription}</p>
      )}
      <Results run={run} />
      <Texts label="Warnings" value={run.warnings} />
    </section>
  )
}

function Related({ run, plan }: Shown) {
  const links: [string, string][] = []
  if (run.executes) links.push(['Carries out', run.executes])
  if (run.undoes) links.push(['Undoes', run.undoes])
  for (const { run: id } of plan?.executions ?? []) links.push(['Carried out by', id])
  return (
    <>
      {links.map(([term, id]) => (
        <div key={id}>
          <dt>{term}</dt>
          <dd>
            <a href={linkTo('run', id)}>{id.slice(0, 8)}…</a>
          </dd>
        </div>
      ))}
    </>
  )
}

function Progress({ run }: { run: Run }) {
  const { done, of } = progressOf(run)
  const text = of === undefined ? `${count(done)} sources so far` : `${count(done)} of ${count(of)} sources`
  return (
    <>
      <p class="note" id="progress-text">
        {run.stageDescription ? `${run.stageDescription} ` : ''}
        {text}
      </p>
      <progress aria-labelledby="progress-text" {...(of ? { max: of, value: done } : {})} />
    </>
  )
}

function Results({ run: { progress, statusSummary = {}, kind } }: { run: Run }) {
  if (!progress || kind === 'plan' || kind === 'verify' || kind === 'undo plan') return null
  const { created = 0, updated = 0, deleted = 0 } = progress.target
  const others = Object.entries(statusSummary).filter(([name, number]) => name !== 'SUCCESS' && number > 0)
  return (
    <p>
      {count(created)} created, {count(updated)} updated, {count(deleted)} deleted, {count(progress.links.created)}{' '}
      linked
      {others.map(([name, number]) => `, ${count(number)} ${STATUSES[name] ?? name.toLowerCase()}`)}.
    </p>
  )
}

const STATUSES: Readonly<Record<string, string>> = {
  FAILURE: 'failed',
  SKIPPED: 'skipped because something changed since',
}

const durationOf = (ms: number): string => (ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`)

function Texts({ label, value }: { label: string; value: Run['warnings'] }) {
  const texts = Array.isArray(value) ? value : []
  if (texts.length === 0) return null
  return (
    <ul class="warning" aria-label={label}>
      {texts.map((text) => (
        <li key={shown(text)}>{shown(text)}</li>
      ))}
    </ul>
  )
}

function Verification({ run: { verification = {} } }: { run: Run }) {
  const counts = Object.entries(verification).filter(([, value]) => typeof value === 'number')
  return (
    <section class="card" aria-label="Comparison of both sides">
      <h2>Comparison of both sides</h2>
      <dl class="facts">
        {counts.map(([name, value]) => (
          <div key={name}>
            <dt>{name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}</dt>
            <dd>{count(Number(value))}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

const COLUMNS = ['waiting', 'changing', 'approximate', 'deferred', 'failed', 'skipped'] as const

/** Each row is a way into the table below. */
function Counts({
  counts,
  filter,
  onFilter,
}: {
  counts: readonly PlanCount[]
  filter: EntryFilter
  onFilter: (filter: EntryFilter) => void
}) {
  return (
    <section aria-label="Summary">
      <h2>Summary</h2>
      <Table
        label="Rows by situation and action"
        head={[
          'Situation',
          'Action',
          '#Rows',
          '#To do',
          '#Change fields',
          '#Approximate',
          '#Deferred',
          '#Failed',
          '#Skipped',
        ]}
      >
        {counts.map((row) => (
          <tr key={`${row.situation}/${row.action}`}>
            <td>
              <button
                type="button"
                class="quiet"
                aria-pressed={filter.situation === row.situation && filter.action === row.action}
                onClick={() => onFilter({ ...NO_FILTER, situation: row.situation, action: row.action })}
              >
                {row.situation || 'not assessed'}
              </button>
            </td>
            <td>{row.action || '–'}</td>
            <td class="number">{count(row.count)}</td>
            {COLUMNS.map((name) => (
              <td class="number" key={name}>
                {row[name] === 0 ? '–' : count(row[name])}
              </td>
            ))}
          </tr>
        ))}
      </Table>
    </section>
  )
}
