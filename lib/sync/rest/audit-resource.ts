import type { Json } from '../../contract.ts'
import { textOf } from '../../core/long-number.ts'
import { badRequest, notFound } from '../../crest/errors.ts'
import type { QueryFilter } from '../../crest/filter/query-filter.ts'
import type { QueryRequest, QueryResult, ReadRequest, Resource, ResourceHandler } from '../../crest/protocol/request.ts'
import type { StoredRun } from '../../repo/runs/run-store.ts'
import type { PrivateFields } from '../mapping/private-fields.ts'
import type { ReconService } from '../runs/recon-service.ts'
import { auditEntry, auditFrame, NO_COOKIE, rowStream } from './entries.ts'
import { queryStream, type Streamed } from './query-stream.ts'

/** A field of an entry, and the parameter with its value. */
type Condition = readonly [field: string, parameter: string]

const RECON: Condition = ['reconId', 'reconId']
const MAPPING: Condition = ['mapping', 'mappingName']

const QUERIES: ReadonlyMap<string, readonly Condition[]> = new Map([
  ['query-all', []],
  ['query-all-ids', []],
  ['audit-by-mapping', [MAPPING]],
  ['audit-by-recon-id', [RECON]],
  ['audit-by-recon-id-situation', [RECON, ['situation', 'situation']]],
  ['audit-by-recon-id-type', [RECON, ['entryType', 'entryType']]],
  // Only the entries of the last run.
  ['audit-last-recon-for-mapping', [MAPPING]],
])

/**
 * @param lastRunOf the id of the last run of a mapping
 * @returns the request with a filter in place of its query id
 * @throws ResourceException 400 for an unknown query or a missing parameter
 */
export function storedAuditQuery(
  request: QueryRequest,
  lastRunOf: (mapping: string) => string | undefined,
): QueryRequest {
  const { queryId, additionalParameters, ...rest } = request
  if (queryId === undefined) return request
  const conditions = QUERIES.get(queryId)
  if (!conditions)
    throw badRequest(`The query '${queryId}' is unknown: it must be one of ${[...QUERIES.keys()].join(', ')}`)
  const filters = conditions.map(([field, parameter]) =>
    equal(field, required(parameter, additionalParameters[parameter])),
  )
  if (queryId === 'audit-last-recon-for-mapping') {
    filters.push(equal('reconId', lastRunOf(String(additionalParameters.mappingName)) ?? ''))
  }
  const fields = queryId === 'query-all-ids' && rest.fields.length === 0 ? [['_id']] : rest.fields
  return { ...rest, additionalParameters: {}, fields, queryFilter: { operator: 'and', filters } }
}

const equal = (field: string, value: string): QueryFilter => ({ operator: 'eq', field: [field], value })

function required(name: string, value: Json | undefined): string {
  if (typeof value === 'string' && value !== '') return value
  throw badRequest(`The query needs the parameter '${name}'`)
}

/** `audit/recon`: for each stored run a start entry, the results of its objects, and a summary entry. */
export class ReconAuditResource implements ResourceHandler {
  readonly #service: ReconService
  readonly #privateFields: PrivateFields

  constructor(service: ReconService, privateFields: PrivateFields) {
    this.#service = service
    this.#privateFields = privateFields
  }

  async read({ resourcePath }: ReadRequest): Promise<Resource> {
    if (resourcePath === '') throw badRequest('audit/recon is queried (_queryFilter, _queryId); a read names an entry')
    const id = decodeURIComponent(resourcePath)
    for await (const { resource } of this.#stream(null, undefined)) if (resource.id === id) return resource
    throw notFound(`Object ${id} not found`)
  }

  async query(given: QueryRequest): Promise<QueryResult> {
    const runs = given.queryId === undefined ? [] : await this.#service.parts.runs.all()
    const request = storedAuditQuery(given, (mapping) => runs.findLast((run) => run.mapping === mapping)?.id)
    const reconId = request.queryFilter && reconIdIn(request.queryFilter)
    return queryStream(request, (after) => this.#stream(after, reconId))
  }

  /** A cookie is the number of a run and the key of the last row: `RUN/ROW`. */
  async *#stream(after: string | null, reconId: string | undefined): AsyncGenerator<Streamed, void> {
    if (after !== null && !/^\d{1,16}\/\d{1,16}$/.test(after)) throw badRequest(NO_COOKIE)
    const [firstRun = 0, firstRow] = (after ?? '').split('/').map(Number)
    for (const run of await this.#service.parts.runs.all()) {
      if (run.number < firstRun || (reconId !== undefined && run.id !== reconId)) continue
      yield* this.#entries(run, run.number === firstRun && after !== null ? (firstRow ?? 0) : -1)
    }
  }

  async *#entries(run: StoredRun, after: number): AsyncGenerator<Streamed, void> {
    const { runs, mappings } = this.#service.parts
    const collections = mappings.find(run.mapping)?.mapping
    const secrets = collections && this.#privateFields.ofMapping(collections)
    const cookie = (row: number | string) => `${run.number}/${row}`
    if (after < 0) yield { cookie: cookie(0), resource: auditFrame(run, 'start') }
    const rows = rowStream(runs.rows(run.number), String(Math.max(after, 0)), (row) =>
      auditEntry(run, row, collections, secrets),
    )
    for await (const entry of rows) yield { ...entry, cookie: cookie(entry.cookie) }
    if (run.state !== 'ACTIVE' && after < Number.MAX_SAFE_INTEGER)
      yield { cookie: cookie(Number.MAX_SAFE_INTEGER), resource: auditFrame(run, 'summary') }
  }
}

/** The id of the only run that a filter can match. */
function reconIdIn(filter: QueryFilter): string | undefined {
  if (filter.operator === 'and') return filter.filters.map(reconIdIn).find((id) => id !== undefined)
  if (filter.operator !== 'eq' || filter.field.join('/') !== 'reconId') return undefined
  return textOf(filter.value)
}
