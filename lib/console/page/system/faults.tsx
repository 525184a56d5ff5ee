import { query } from '../api.ts'
import { useLoad } from '../ui/hooks.ts'
import { Badge, Loading, Note, Page, Table } from '../ui/parts.tsx'

interface Fault {
  readonly _id: string
  readonly kind: 'fault' | 'notice'
  readonly file: string
  readonly key: string
  readonly what: string
  readonly cure: string
}

/** What of the configuration is not in force, and what has no effect. */
export function Faults() {
  const loaded = useLoad(
    'faults',
    (signal) => query<Fault>('gateway/faults', {}, signal),
    () => 5000,
  )
  return (
    <Page title="Faults">
      <Loading of={loaded}>
        {({ result }) =>
          result.length === 0 ? (
            <p class="success">Everything that this gateway reads is in force.</p>
          ) : (
            <>
              <Note>
                A fault is not in force: the last good version is, where there is one. A notice has no effect.
              </Note>
              <Table label="Faults" head={['File', 'Place', 'Kind', 'Reason', 'What to do']}>
                {result.map((fault) => (
                  <tr key={fault._id}>
                    <td>
                      <code>{fault.file}</code>
                    </td>
                    <td>
                      <code>{fault.key || '–'}</code>
                    </td>
                    <td>
                      <Badge tone={fault.kind === 'fault' ? 'bad' : 'warn'}>{fault.kind}</Badge>
                    </td>
                    <td>{fault.what}</td>
                    <td>{fault.cure}</td>
                  </tr>
                ))}
              </Table>
            </>
          )
        }
      </Loading>
    </Page>
  )
}
