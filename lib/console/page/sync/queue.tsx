import { useState } from 'preact/hooks'
import { action, call, type JsonObject, query, quoted } from '../api.ts'
import { type Loaded, useLoad, useTask } from '../ui/hooks.ts'
import { Badge, Button, Confirm, count, Loading, Note, Page, Problem, Table, Time, type Tone } from '../ui/parts.tsx'
import { toAct } from '../ui/permissions.ts'
import { shown } from './model.ts'

const QUEUE = 'sync/queue'
const DEAD_LETTERS = 'repo/synchronisation/deadLetterQueue'
const PAGE_SIZE = 50

interface QueueStatus {
  readonly mapping: string
  readonly condition: string
  readonly waiting: number
  readonly dead: number
  readonly oldest: string | null
  readonly reason?: string | null
  readonly pause?: JsonObject | null
}

interface Queued {
  readonly _id: string
  readonly mapping: string
  readonly resourceCollection: string
  readonly resourceId: string
  readonly syncAction: string
  readonly createDate: string
  readonly attempts: number
  readonly state?: string
  readonly nextAttempt?: string | null
  readonly lastError?: JsonObject | null
  readonly endDate?: string
  readonly failureCause?: JsonObject | null
}

const TONES: Readonly<Record<string, Tone>> = { running: 'good', paused: 'bad' }

/** Changes that wait for their targets, and those that were given up. */
export function Queue() {
  const loaded = useLoad(
    'queue',
    async (signal) => (await call<{ queues: readonly QueueStatus[] }>('GET', QUEUE, { signal })).queues,
    () => 3000,
  )
  const [mapping, setMapping] = useState<string>()
  return (
    <Page title="Queue">
      <Loading of={loaded}>
        {(queues) =>
          queues.length === 0 ? (
            <Note>
              No mapping has a queue. <code>queuedSync</code> in a mapping lets its changes wait here until they are
              carried over.
            </Note>
          ) : (
            <>
              <Table label="Queues" head={['Mapping', 'State', '#Waiting', '#Dead', 'Oldest', 'Actions']}>
                {queues.map((queue) => (
                  <QueueRow
                    key={queue.mapping}
                    queue={queue}
                    isChosen={queue.mapping === mapping}
                    onChosen={setMapping}
                    onChanged={loaded.reload}
                  />
                ))}
              </Table>
              {mapping !== undefined && (
                <>
                  <Waiting key={mapping} mapping={mapping} />
                  <Dead key={`dead ${mapping}`} mapping={mapping} onChanged={loaded.reload} />
                </>
              )}
            </>
          )
        }
      </Loading>
    </Page>
  )
}

interface RowProps {
  readonly queue: QueueStatus
  readonly isChosen: boolean
  readonly onChosen: (mapping: string) => void
  readonly onChanged: () => void
}

function QueueRow({ queue, isChosen, onChosen, onChanged }: RowProps) {
  const { mapping, condition, waiting, dead, oldest, reason } = queue
  const { busy, error, run } = useTask()
  const act = (name: 'pause' | 'release') =>
    run(async () => {
      await action(QUEUE, name, { mapping })
      onChanged()
    })
  return (
    <tr>
      <td>
        <button type="button" class="quiet" aria-pressed={isChosen} onClick={() => onChosen(mapping)}>
          {mapping}
        </button>
      </td>
      <td>
        <Badge tone={TONES[condition] ?? 'warn'}>{condition}</Badge>
        {reason && <p class="note">{reason}</p>}
        <Problem error={error} />
      </td>
      <td class="number">{count(waiting)}</td>
      <td class="number">{count(dead)}</td>
      <td>
        <Time at={oldest} />
      </td>
      <td>
        {condition === 'paused' ? (
          <Button
            disabled={busy}
            needs={[toAct(QUEUE, 'release', { mapping })]}
            onClick={() => act('release')}
            label={`Release ${mapping}`}
          >
            Release
          </Button>
        ) : (
          <Button
            disabled={busy}
            needs={[toAct(QUEUE, 'pause', { mapping })]}
            onClick={() => act('pause')}
            label={`Pause ${mapping}`}
          >
            Pause
          </Button>
        )}
      </td>
    </tr>
  )
}

/** The first page, the oldest first: what is carried out makes room for the next. */
const usePage = (path: string, filter: string): Loaded<readonly Queued[]> =>
  useLoad(
    `${path} ${filter}`,
    async (signal) => (await query<Queued>(path, { _queryFilter: filter, _pageSize: PAGE_SIZE }, signal)).result,
    () => 3000,
  )

function Waiting({ mapping }: { mapping: string }) {
  const loaded = usePage(QUEUE, `mapping eq ${quoted(mapping)}`)
  return (
    <section aria-label="Waiting">
      <h2>Waiting</h2>
      <Loading of={loaded}>
        {(events) =>
          events.length === 0 ? (
            <Note>Nothing waits.</Note>
          ) : (
            <Table
              label="Changes that wait"
              head={['Object', 'Change', 'State', 'Since', '#Attempts', 'Next attempt', 'Last error', 'Actions']}
            >
              {events.map((event) => (
                <tr key={event._id}>
                  <td>
                    <code>{`${event.resourceCollection}/${event.resourceId}`}</code>
                  </td>
                  <td>{changeOf(event)}</td>
                  <td>{event.state === 'ACQUIRED' ? 'under way' : 'waits'}</td>
                  <td>
                    <Time at={event.createDate} />
                  </td>
                  <td class="number">{event.attempts}</td>
                  <td>
                    <Time at={event.nextAttempt} />
                  </td>
                  <td>{reasonOf(event.lastError)}</td>
                  <td>
                    <Drop path={`${QUEUE}/${event._id}`} what={event.resourceId} onChanged={loaded.reload} />
                  </td>
                </tr>
              ))}
            </Table>
          )
        }
      </Loading>
    </section>
  )
}

function Dead({ mapping, onChanged }: { mapping: string; onChanged: () => void }) {
  const path = `${DEAD_LETTERS}/${encodeURIComponent(mapping)}`
  const loaded = usePage(path, 'true')
  const { busy, error, run } = useTask()
  const changed = () => {
    loaded.reload()
    onChanged()
  }
  const retry = (at: string) =>
    run(async () => {
      await action(at, 'retry')
      changed()
    })
  return (
    <section aria-label="Given up">
      <h2>Given up</h2>
      <Problem error={error} />
      <Loading of={loaded}>
        {(letters) =>
          letters.length === 0 ? (
            <Note>Nothing was given up.</Note>
          ) : (
            <>
              <Button disabled={busy} needs={[toAct(path, 'retry')]} onClick={() => retry(path)}>
                Try all again
              </Button>
              <Table
                label="Changes that were given up"
                head={['Object', 'Change', 'Given up', '#Attempts', 'Why', 'Actions']}
              >
                {letters.map((letter) => (
                  <tr key={letter._id}>
                    <td>
                      <code>{`${letter.resourceCollection}/${letter.resourceId}`}</code>
                    </td>
                    <td>{changeOf(letter)}</td>
                    <td>
                      <Time at={letter.endDate} />
                    </td>
                    <td class="number">{letter.attempts}</td>
                    <td>{reasonOf(letter.failureCause)}</td>
                    <td>
                      <Button
                        disabled={busy}
                        needs={[toAct(`${path}/${letter._id}`, 'retry')]}
                        onClick={() => retry(`${path}/${letter._id}`)}
                        label={`Try again: ${letter.resourceId}`}
                      >
                        Try again
                      </Button>{' '}
                      <Drop path={`${path}/${letter._id}`} what={letter.resourceId} onChanged={changed} />
                    </td>
                  </tr>
                ))}
              </Table>
            </>
          )
        }
      </Loading>
    </section>
  )
}

function Drop({ path, what, onChanged }: { path: string; what: string; onChanged: () => void }) {
  const [asks, setAsks] = useState(false)
  const { busy, error, run, clear } = useTask()
  const drop = () =>
    run(async () => {
      await call('DELETE', path)
      setAsks(false)
      onChanged()
    })
  const close = () => {
    clear()
    setAsks(false)
  }
  return (
    <>
      <Button needs={[`delete ${path}`]} onClick={() => setAsks(true)} label={`Drop ${what}`}>
        Drop…
      </Button>
      {asks && (
        <Confirm
          title={`Drop the change of ${what}?`}
          confirm="Drop"
          needs={[`delete ${path}`]}
          danger
          busy={busy}
          error={error}
          onClose={close}
          onConfirm={drop}
        >
          <p>It is not carried over any more. The target gets it with the next reconciliation of the mapping.</p>
        </Confirm>
      )}
    </>
  )
}

const changeOf = ({ syncAction }: Queued): string => syncAction.replace(/^notify/, '').toLowerCase()

const reasonOf = (error: JsonObject | null | undefined): string => (error ? shown(error.message ?? error) : '–')
