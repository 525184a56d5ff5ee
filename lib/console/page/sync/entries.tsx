import { Fragment } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { query, quoted } from '../api.ts'
import { useLoad } from '../ui/hooks.ts'
import { Badge, Button, Field, Loading, Note, Table, type Tone } from '../ui/parts.tsx'
import { type Change, type Entry, type PlanCount, shown } from './model.ts'

const PAGE_SIZE = 50

export interface EntryFilter {
  readonly situation: string
  readonly action: string
  readonly kind: string
  readonly search: string
}

export const NO_FILTER: EntryFilter = { situation: '', action: '', kind: '', search: '' }

/** What people look for, as query filters. */
const KINDS: Readonly<Record<string, readonly [label: string, filter: string]>> = {
  changes: ['change a field', 'changes/field pr'],
  failures: ['failed', 'status eq "FAILURE"'],
  deferred: ['deferred', 'status eq "DEFERRED"'],
  skipped: ['skipped', 'status eq "SKIPPED"'],
  unknown: ['outcome unknown', 'status eq "UNKNOWN"'],
  approximate: ['approximate', 'approximate eq true'],
}

const SEARCHED = ['sourceObjectId', 'targetObjectId', 'changes/field', 'changes/from', 'changes/to', 'message']

export function queryFilterOf({ situation, action, kind, search }: EntryFilter): string {
  const parts = [
    situation && `situation eq ${quoted(situation)}`,
    action && `action eq ${quoted(action)}`,
    KINDS[kind]?.[1],
    search && `(${SEARCHED.map((field) => `${field} co ${quoted(search)}`).join(' or ')})`,
  ]
  return parts.filter(Boolean).join(' and ') || 'true'
}

interface EntriesProps {
  readonly id: string
  /** The rows are loaded again when it changes. */
  readonly version: string
  readonly counts: readonly PlanCount[]
  readonly filter: EntryFilter
  readonly onFilter: (filter: EntryFilter) => void
}

/** The rows of a run, a page at a time. */
export function Entries({ id, version, counts, filter, onFilter }: EntriesProps) {
  const queryFilter = queryFilterOf(filter)
  // The cookies of the pages before this one: a query only goes forward.
  const [cookies, setCookies] = useState<readonly string[]>([])
  useEffect(() => setCookies([]), [queryFilter, version])
  const cookie = cookies.at(-1)
  const loaded = useLoad(`${id}/${version}/${queryFilter}/${cookie ?? ''}`, (signal) =>
    query<Entry>(
      `recon/plan/${id}/entry`,
      { _queryFilter: queryFilter, _pageSize: PAGE_SIZE, _pagedResultsCookie: cookie },
      signal,
    ),
  )
  return (
    <section aria-label="Rows">
      <h2>Rows</h2>
      <Filters counts={counts} filter={filter} onFilter={onFilter} />
      <Loading of={loaded}>
        {({ result, pagedResultsCookie: next }) => (
          <>
            {result.length === 0 && cookie === undefined ? <Note>No row matches.</Note> : <Rows entries={result} />}
            <div class="actions">
              <Button disabled={cookies.length === 0} onClick={() => setCookies(cookies.slice(0, -1))}>
                Previous page
              </Button>
              <span role="status">Page {cookies.length + 1}</span>
              <Button disabled={!next} onClick={() => next && setCookies([...cookies, next])}>
                Next page
              </Button>
            </div>
          </>
        )}
      </Loading>
    </section>
  )
}

function Filters({ counts, filter, onFilter }: Pick<EntriesProps, 'counts' | 'filter' | 'onFilter'>) {
  const [search, setSearch] = useState(filter.search)
  useEffect(() => setSearch(filter.search), [filter.search])
  const names = (name: 'situation' | 'action') => [...new Set(counts.map((row) => row[name]).filter(Boolean))].sort()
  const select =
    (name: 'situation' | 'action' | 'kind', options: readonly (readonly [string, string])[]) =>
    (props: { id: string }) => (
      <select {...props} value={filter[name]} onChange={(e) => onFilter({ ...filter, [name]: e.currentTarget.value })}>
        <option value="">all</option>
        {options.map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
    )
  const submit = (event: Event) => {
    event.preventDefault()
    onFilter({ ...filter, search: search.trim() })
  }
  return (
    <form class="filters" onSubmit={submit}>
      <Field label="Situation">
        {select(
          'situation',
          names('situation').map((name) => [name, name]),
        )}
      </Field>
      <Field label="Action">
        {select(
          'action',
          names('action').map((name) => [name, name]),
        )}
      </Field>
      <Field label="Only rows that">
        {select(
          'kind',
          Object.entries(KINDS).map(([name, [label]]) => [name, label]),
        )}
      </Field>
      <Field label="Search">
        {(props) => <input {...props} type="search" value={search} onInput={(e) => setSearch(e.currentTarget.value)} />}
      </Field>
      <Button submit>Search</Button>
      <Button onClick={() => onFilter(NO_FILTER)}>Show all rows</Button>
    </form>
  )
}

const STATUSES: Readonly<Record<string, readonly [text: string, tone: Tone]>> = {
  SUCCESS: ['done', 'good'],
  FAILURE: ['failed', 'bad'],
  INTENDED: ['under way', 'busy'],
  SKIPPED: ['skipped', 'warn'],
  DEFERRED: ['deferred', 'warn'],
  UNKNOWN: ['unknown', 'bad'],
}

const HEAD = ['Object', 'Situation', 'Action', 'Changes', 'Status']

function Rows({ entries }: { entries: readonly Entry[] }) {
  return (
    <Table label="Rows of the plan" head={HEAD}>
      {entries.map((entry) => (
        <Row key={entry._id} entry={entry} />
      ))}
    </Table>
  )
}

export function Row({ entry }: { entry: Entry }) {
  const [open, setOpen] = useState(false)
  const { situation, action, changes, approximate, status, sourceObjectId, targetObjectId } = entry
  const [text, tone] =
    status === null ? (['planned', 'plain'] as const) : (STATUSES[status] ?? ([status, 'plain'] as const))
  return (
    <Fragment>
      <tr>
        <td>
          <button type="button" class="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
            {labelOf(entry)}
          </button>
        </td>
        <td>{situation ?? 'not assessed'}</td>
        <td>
          {action ?? '–'} {approximate && <Badge tone="warn">approximate</Badge>}
        </td>
        <td>{changes.length === 0 ? '–' : changes.map(({ field }) => field).join(', ')}</td>
        <td>
          <Badge tone={tone}>{text}</Badge>
        </td>
      </tr>
      {open && (
        <tr>
          <td class="wide" colSpan={HEAD.length}>
            <p>
              {entry.reason}
              {entry.message && <span class="problem">{entry.message}</span>}
            </p>
            <p class="note">
              Source <code>{sourceObjectId ?? 'none'}</code>, target <code>{targetObjectId ?? 'none yet'}</code>
              {entry.linkQualifier !== 'default' && `, link qualifier ${entry.linkQualifier}`}
            </p>
            {changes.length > 0 && <Changes changes={changes} />}
            {entry.writes.length > 0 && (
              <>
                <h3>Writes of scripts</h3>
                <code class="code">{entry.writes.map((write) => JSON.stringify(write)).join('\n')}</code>
              </>
            )}
          </td>
        </tr>
      )}
    </Fragment>
  )
}

/** The name of a person says more than an id. */
function labelOf({ changes, sourceObjectId, targetObjectId }: Entry): string {
  const named = changes.find(({ field, to }) => field === '/userName' && typeof to === 'string')
  return typeof named?.to === 'string' ? named.to : (sourceObjectId ?? targetObjectId ?? '(none)')
}

export function Changes({ changes }: { changes: readonly Change[] }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">Before</th>
          <th scope="col">After</th>
        </tr>
      </thead>
      <tbody>
        {changes.map(({ field, from, to, unseen, again }) => (
          <tr key={field}>
            <th scope="row">
              <code>{field}</code>
            </th>
            <td>
              {unseen ? (
                'the target does not show it'
              ) : from === null ? (
                'nothing'
              ) : (
                <del>
                  <code>{shown(from)}</code>
                </del>
              )}
            </td>
            <td>
              {to === null ? (
                'nothing'
              ) : (
                <ins>
                  <code>{shown(to)}</code>
                </ins>
              )}
              {again && <p class="note">It was sent before; the target keeps another value.</p>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
