import { useEffect, useRef, useState } from 'preact/hooks'
import { query, quoted } from '../api.ts'
import { goTo, linkTo, useLoad } from '../ui/hooks.ts'
import { Badge, Button, count, Field, Loading, Note, Page, Table, Time } from '../ui/parts.tsx'
import { loadTraffic, STATES, type Status, type Traffic, trafficText } from './model.ts'

const PAGE_SIZE = 50
const POLL_MS = 5000

export const NEW = 'new instance'
/** Of any name: a rule for some names does not make a person try. */
const ANY = 'config/external.idm/name'

export function Instances() {
  const [page, setPage] = useState(0)
  const [state, setState] = useState('')
  const [search, setSearch] = useState('')
  const filter = [
    state && `state eq ${quoted(state)}`,
    search && `(_id co ${quoted(search)} or instanceUrl co ${quoted(search)})`,
  ]
  const queryFilter = filter.filter(Boolean).join(' and ') || 'true'
  useEffect(() => setPage(0), [queryFilter])
  const loaded = useLoad(
    `${queryFilter}/${page}`,
    (signal) =>
      query<Status>(
        'external/idm',
        {
          _queryFilter: queryFilter,
          _sortKeys: '_id',
          _pageSize: PAGE_SIZE,
          _pagedResultsOffset: page * PAGE_SIZE,
          _totalPagedResultsPolicy: 'EXACT',
        },
        signal,
      ),
    () => POLL_MS,
  )
  const total = loaded.data?.totalPagedResults ?? 0
  const traffic = useTraffic(loaded.data?.result.map(({ _id }) => _id) ?? [])
  return (
    <Page title="Instances">
      <div class="actions">
        <Button kind="primary" needs={[`create ${ANY}`]} onClick={() => goTo('instances', NEW)}>
          Add an instance
        </Button>
      </div>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <Field label="State">
          {(props) => (
            <select {...props} value={state} onChange={(e) => setState(e.currentTarget.value)}>
              <option value="">all</option>
              {Object.entries(STATES).map(([name, [text]]) => (
                <option key={name} value={name}>
                  {text}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Search">
          {(props) => (
            <input {...props} type="search" value={search} onInput={(e) => setSearch(e.currentTarget.value)} />
          )}
        </Field>
      </form>
      <Loading of={loaded}>
        {({ result }) => (
          <>
            {result.length === 0 ? (
              <Note>No instance matches.</Note>
            ) : (
              <Table
                label="Instances"
                head={['Name', 'State', 'Since', 'Address', '#Requests', '#Latency', 'Last error']}
              >
                {result.map((status) => (
                  <InstanceRow key={status._id} status={status} {...traffic(status._id)} />
                ))}
              </Table>
            )}
            <div class="actions">
              <Button disabled={page === 0} onClick={() => setPage(page - 1)}>
                Previous page
              </Button>
              <span role="status">
                {count(total)} {total === 1 ? 'instance' : 'instances'}
              </span>
              <Button disabled={(page + 1) * PAGE_SIZE >= total} onClick={() => setPage(page + 1)}>
                Next page
              </Button>
            </div>
          </>
        )}
      </Loading>
    </Page>
  )
}

function InstanceRow({ status, rate, latency }: { status: Status; rate: string; latency: string }) {
  const [text, tone, meaning] = STATES[status.state]
  return (
    <tr>
      <td>
        <a href={linkTo('instances', status._id)}>{status._id}</a>
      </td>
      <td>
        <span title={meaning}>
          <Badge tone={tone}>{text}</Badge>
        </span>
      </td>
      <td>
        <Time at={status.since} />
      </td>
      <td>
        <code>{status.instanceUrl ?? '–'}</code>
      </td>
      <td class="number">{rate}</td>
      <td class="number">{latency}</td>
      <td>{status.lastError ? status.lastError.message : '–'}</td>
    </tr>
  )
}

/** Rate and latency of these instances. Where there are no metrics, there are none. */
export function useTraffic(names: readonly string[]): (name: string) => { rate: string; latency: string } {
  const before = useRef<ReadonlyMap<string, Traffic>>(new Map())
  const loaded = useLoad(
    `traffic ${names.join(' ')}`,
    async (signal) => {
      const now = names.length > 0 ? await loadTraffic(names, signal) : new Map<string, Traffic>()
      const pair = { now, before: before.current }
      before.current = now
      return pair
    },
    () => POLL_MS,
  )
  return (name) => trafficText(loaded.data?.now.get(name), loaded.data?.before.get(name))
}
