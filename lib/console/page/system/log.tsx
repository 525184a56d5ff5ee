import { query } from '../api.ts'
import { useLoad } from '../ui/hooks.ts'
import { Badge, Loading, Note, Page, Table, Time } from '../ui/parts.tsx'

interface LogEntry {
  readonly _id: string
  readonly time: string
  readonly level: 'warn' | 'error'
  readonly message: string
  readonly about: Readonly<Record<string, string | number>>
}

/** The last warnings and errors of the process that answers. */
export function Log() {
  const loaded = useLoad(
    'log',
    (signal) => query<LogEntry>('gateway/log', {}, signal),
    () => 5000,
  )
  return (
    <Page title="Log">
      <Loading of={loaded}>
        {({ result }) =>
          result.length === 0 ? (
            <Note>There was no warning and no error since the gateway started.</Note>
          ) : (
            <Table label="Log" head={['Time', 'Level', 'Message', 'About']}>
              {result.map(({ _id, time, level, message, about }) => (
                <tr key={_id}>
                  <td>
                    <Time at={time} />
                  </td>
                  <td>
                    <Badge tone={level === 'error' ? 'bad' : 'warn'}>{level === 'error' ? 'error' : 'warning'}</Badge>
                  </td>
                  <td>{message}</td>
                  <td>
                    {Object.entries(about).map(([name, value]) => (
                      <div key={name}>
                        {name}: <code>{value}</code>
                      </div>
                    ))}
                  </td>
                </tr>
              ))}
            </Table>
          )
        }
      </Loading>
    </Page>
  )
}
