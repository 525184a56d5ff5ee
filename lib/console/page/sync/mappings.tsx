import { type Json, type JsonObject, query } from '../api.ts'
import { linkTo, useLoad } from '../ui/hooks.ts'
import { Badge, Loading, Note, Page, Table, Time } from '../ui/parts.tsx'
import { kindOf, type Run, stateOf } from './model.ts'

export interface MappingConfig {
  readonly name: string
  readonly source: string
  readonly target: string
  readonly requireApproval: boolean
  readonly approverMustDiffer: boolean
  /** Why it is not in force. */
  readonly fault: string | undefined
}

/** The mappings of both forms of files, by name. */
export async function loadMappings(signal: AbortSignal): Promise<MappingConfig[]> {
  const { result } = await query<JsonObject>('config', { _queryFilter: '_id sw "mapping/" or _id eq "sync"' }, signal)
  const faults = await query<JsonObject>('config', { _queryFilter: '_id pr', _fields: '_id,error' }, signal)
  const faultOf = (id: Json) => faults.result.find(({ _id }) => _id === id)?.error
  const listed = result.flatMap((object) => {
    const entries = object._id === 'sync' ? ((object.mappings ?? []) as JsonObject[]) : [object]
    return entries.map((entry) => ({ entry, fault: faultOf(object._id ?? null) }))
  })
  return listed
    .map(({ entry, fault }) => ({
      name: String(entry.name),
      source: String(entry.source),
      target: String(entry.target),
      requireApproval: entry.requireApproval === true,
      approverMustDiffer: entry.approverMustDiffer === true,
      fault: typeof fault === 'string' ? fault : undefined,
    }))
    .sort((one, other) => one.name.localeCompare(other.name))
}

const RUN_FIELDS =
  '_id,mapping,state,stage,kind,resumable,started,ended,statusSummary,startedBy,waitsForApproval,executes'

/** The latest first. @param more fields, such as `,progress` */
export const loadRuns = async (filter: string, signal: AbortSignal, more = ''): Promise<readonly Run[]> => {
  const { result } = await query<Run>('recon', { _queryFilter: filter, _fields: RUN_FIELDS + more }, signal)
  return result.toReversed()
}

export function Mappings() {
  const loaded = useLoad(
    'mappings',
    async (signal) => ({ mappings: await loadMappings(signal), runs: await loadRuns('true', signal) }),
    () => 10_000,
  )
  return (
    <Page title="Synchronization">
      <Loading of={loaded}>
        {({ mappings, runs }) =>
          mappings.length === 0 ? (
            <Note>
              There is no mapping yet. A mapping is a file <code>conf/mapping-NAME.json</code>; it appears here when it
              is saved.
            </Note>
          ) : (
            <Table label="Mappings" head={['Mapping', 'From', 'To', 'Last run', 'When']}>
              {mappings.map((mapping) => (
                <MappingRow
                  key={mapping.name}
                  mapping={mapping}
                  last={runs.find((run) => run.mapping === mapping.name)}
                />
              ))}
            </Table>
          )
        }
      </Loading>
    </Page>
  )
}

function MappingRow({ mapping, last }: { mapping: MappingConfig; last: Run | undefined }) {
  const { name, source, target, requireApproval, fault } = mapping
  return (
    <tr>
      <td>
        <a href={linkTo('sync', name)}>{name}</a> {requireApproval && <Badge tone="plain">needs approval</Badge>}
        {fault && <p class="problem">{fault}</p>}
      </td>
      <td>
        <code>{source}</code>
      </td>
      <td>
        <code>{target}</code>
      </td>
      <td>
        {last ? (
          <>
            {kindOf(last)} <Badge tone={stateOf(last).tone}>{stateOf(last).text}</Badge>
          </>
        ) : (
          'never'
        )}
      </td>
      <td>
        <Time at={last?.started} />
      </td>
    </tr>
  )
}
