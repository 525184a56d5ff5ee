import { useState } from 'preact/hooks'
import { query } from '../api.ts'
import { linkTo, useLoad } from '../ui/hooks.ts'
import { Badge, Button, Loading, Note, Page, Table } from '../ui/parts.tsx'
import { Row } from './entries.tsx'
import type { Entry } from './model.ts'

interface Difference {
  readonly _id: string
  readonly change: 'added' | 'removed' | 'changed'
  readonly entry: Entry | null
  readonly other: Entry | null
}

const WORDS = { added: ['new', 'good'], removed: ['no longer', 'bad'], changed: ['different', 'warn'] } as const

/** What a plan or run has that an earlier one of its mapping has not, and the reverse. */
export function Comparison({ id, other }: { id: string; other: string }) {
  const [cookies, setCookies] = useState<readonly string[]>([])
  const cookie = cookies.at(-1)
  const loaded = useLoad(`${id}/${other}/${cookie ?? ''}`, (signal) =>
    query<Difference>(`recon/plan/${id}/diff/${other}`, { _pageSize: 50, _pagedResultsCookie: cookie }, signal),
  )
  return (
    <Page title="Differences" trail={<a href={linkTo('sync')}>Synchronization</a>}>
      <p>
        <a href={linkTo('run', id)}>This run</a> compared with <a href={linkTo('run', other)}>the earlier one</a>.
      </p>
      <Loading of={loaded}>
        {({ result, pagedResultsCookie: next }) => (
          <>
            {result.length === 0 && cookie === undefined && <Note>Both have the same rows.</Note>}
            {result.map(({ _id, change, entry, other: earlier }) => (
              <section key={_id} aria-label={`${WORDS[change][0]}: ${_id}`}>
                <p>
                  <Badge tone={WORDS[change][1]}>{WORDS[change][0]}</Badge>
                </p>
                <Table label={`Rows of ${_id}`} head={['Object', 'Situation', 'Action', 'Changes', 'Status']}>
                  {entry && <Row entry={entry} />}
                  {earlier && <Row entry={earlier} />}
                </Table>
              </section>
            ))}
            <div class="actions">
              <Button disabled={cookies.length === 0} onClick={() => setCookies(cookies.slice(0, -1))}>
                Previous page
              </Button>
              <Button disabled={!next} onClick={() => next && setCookies([...cookies, next])}>
                Next page
              </Button>
            </div>
          </>
        )}
      </Loading>
    </Page>
  )
}
