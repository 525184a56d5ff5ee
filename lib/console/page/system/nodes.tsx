import { ApiError, call, type JsonObject, query } from '../api.ts'
import { loadRuns } from '../sync/mappings.tsx'
import { kindOf, progressOf, type Run } from '../sync/model.ts'
import { linkTo, useLoad } from '../ui/hooks.ts'
import { Badge, count, Loading, Note, Page, Table, Time, type Tone } from '../ui/parts.tsx'
import { useAllowed } from '../ui/permissions.ts'

const REFRESH_MS = 3000
const MEGABYTE = 1024 * 1024

interface Node {
  readonly _id: string
  readonly state: 'running' | 'down'
  readonly startup: string
  readonly shutdown: string
  readonly pid: number | null
  readonly leads: boolean
  /** These are unknown while it is down, and while it does not answer. */
  readonly version: string | null
  readonly connections: number | null
  readonly requests: number | null
  readonly memory: { readonly rss: number } | null
  readonly restarts: number
  readonly lastExit: {
    readonly pid: number
    readonly time: string
    readonly code: number | null
    readonly signal: string | null
  } | null
}

/** The processes of the gateway, and what the one that leads carries out. */
export function Nodes() {
  const loaded = useLoad(
    'nodes',
    async (signal) => (await query<Node>('cluster', {}, signal)).result,
    () => REFRESH_MS,
  )
  const seesHealth = useAllowed('read health/ready')
  return (
    <Page title="Nodes">
      {seesHealth && <Health />}
      <Loading of={loaded}>
        {(nodes) =>
          nodes.length === 0 ? (
            <Note>No node is known.</Note>
          ) : (
            <>
              <Table
                label="Nodes"
                head={['Node', 'State', 'Since', 'Version', '#Requests', '#Connections', '#Memory', '#Restarts']}
              >
                {nodes.map((node) => (
                  <NodeRow key={node._id} node={node} />
                ))}
              </Table>
              <UnderWay nodes={nodes} />
            </>
          )
        }
      </Loading>
    </Page>
  )
}

function NodeRow({ node }: { node: Node }) {
  const { _id, state, startup, shutdown, pid, leads, version, requests, connections, memory, restarts } = node
  const [text, tone] = stateOf(node)
  return (
    <tr>
      <td>
        <code>{_id}</code>
        {pid !== null && <p class="note">process {pid}</p>}
      </td>
      <td>
        <Badge tone={tone}>{text}</Badge> {leads && <Badge tone="plain">leader</Badge>}
        <LastExit node={node} />
      </td>
      <td>
        <Time at={state === 'down' ? shutdown : startup} />
      </td>
      <td>{version ?? '–'}</td>
      <td class="number">{shown(requests)}</td>
      <td class="number">{shown(connections)}</td>
      <td class="number">{memory ? `${count(Math.round(memory.rss / MEGABYTE))} MB` : '–'}</td>
      <td class="number">{count(restarts)}</td>
    </tr>
  )
}

const shown = (number: number | null): string => (number === null ? '–' : count(number))

function stateOf({ state, memory }: Node): readonly [text: string, tone: Tone] {
  if (state === 'down') return ['down', 'bad']
  return memory ? ['running', 'good'] : ['does not answer', 'warn']
}

function LastExit({ node: { state, lastExit } }: { node: Node }) {
  if (!lastExit) return null
  const { pid, time, code, signal } = lastExit
  return (
    <p class="note">
      {state === 'down' ? 'Process' : 'It replaces process'} {pid}, which ended
      {state === 'running' && (
        <>
          {' '}
          <Time at={time} />
        </>
      )}{' '}
      ({signal ?? `status ${code}`})
    </p>
  )
}

/** What of the gateway is wrong, as a load balancer is told. */
interface HealthState {
  readonly isReady: boolean
  readonly shortDesc?: string
  readonly configurationFaults?: number
  readonly failingInstances?: number
}

async function loadHealth(signal: AbortSignal): Promise<HealthState> {
  try {
    return { isReady: true, ...(await call<JsonObject>('GET', 'health/ready', { signal })) }
  } catch (error) {
    // Whoever says why is not away.
    const detail = error instanceof ApiError ? (error.detail as JsonObject | null) : null
    if (detail?.state !== 'ACTIVE_NOT_READY') throw error
    return { isReady: false, ...detail }
  }
}

function Health() {
  const loaded = useLoad('health', loadHealth, () => REFRESH_MS)
  return (
    <Loading of={loaded}>
      {({ isReady, shortDesc, configurationFaults, failingInstances }) => (
        <p>
          <Badge tone={isReady ? 'good' : 'bad'}>{isReady ? 'The gateway is ready' : 'The gateway is not ready'}</Badge>{' '}
          {shortDesc && `${shortDesc}. `}
          {configurationFaults !== undefined && (
            <a href={linkTo('faults')}>Files with a fault: {count(configurationFaults)}.</a>
          )}{' '}
          {failingInstances !== undefined && (
            <a href={linkTo('instances')}>Instances that fail: {count(failingInstances)}.</a>
          )}
        </p>
      )}
    </Loading>
  )
}

interface Work {
  readonly runs: readonly Run[] | undefined
  readonly waiting: number | undefined
}

function UnderWay({ nodes }: { nodes: readonly Node[] }) {
  const seesRuns = useAllowed('query recon')
  const seesQueue = useAllowed('read health/queue')
  if (!seesRuns && !seesQueue) return null
  return (
    <section aria-label="Under way">
      <h2>Under way</h2>
      {nodes.length > 1 && <Leader leader={nodes.find(({ leads }) => leads)} />}
      <WorkOfLeader seesRuns={seesRuns === true} seesQueue={seesQueue === true} />
    </section>
  )
}

const Leader = ({ leader }: { leader: Node | undefined }) => (
  <Note>
    {leader
      ? `${leader._id} carries out runs, queued changes and schedules for all nodes.`
      : 'No node leads: another takes over.'}
  </Note>
)

function WorkOfLeader({ seesRuns, seesQueue }: { seesRuns: boolean; seesQueue: boolean }) {
  const loaded = useLoad(
    `work ${seesRuns} ${seesQueue}`,
    async (signal): Promise<Work> => ({
      runs: seesRuns ? await loadRuns('state eq "ACTIVE"', signal, ',progress') : undefined,
      waiting: seesQueue ? (await call<{ waiting: number }>('GET', 'health/queue', { signal })).waiting : undefined,
    }),
    () => REFRESH_MS,
  )
  return (
    <Loading of={loaded}>
      {({ runs, waiting }) => (
        <>
          {runs?.length === 0 && <Note>No run is active.</Note>}
          {runs && runs.length > 0 && <Runs runs={runs} />}
          {waiting !== undefined && waiting > 0 && (
            <p>
              <a href={linkTo('queue')}>Queued changes that wait: {count(waiting)}</a>
            </p>
          )}
        </>
      )}
    </Loading>
  )
}

const Runs = ({ runs }: { runs: readonly Run[] }) => (
  <Table label="Active runs" head={['Mapping', 'Kind', 'Started', 'By', '#Done']}>
    {runs.map((run) => {
      const { done, of } = progressOf(run)
      return (
        <tr key={run._id}>
          <td>
            <a href={linkTo('run', run._id)}>{run.mapping}</a>
          </td>
          <td>{kindOf(run)}</td>
          <td>
            <Time at={run.started} />
          </td>
          <td>{run.startedBy ?? '–'}</td>
          <td class="number">{of === undefined ? count(done) : `${count(done)} of ${count(of)}`}</td>
        </tr>
      )
    })}
  </Table>
)
