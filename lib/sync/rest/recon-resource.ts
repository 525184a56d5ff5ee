import type { Json, JsonObject } from '../../contract.ts'
import { badRequest, conflict, notFound, notSupported } from '../../crest/errors.ts'
import { queryInMemory } from '../../crest/protocol/page.ts'
import { representResource, withoutIdentity } from '../../crest/protocol/represent.ts'
import type {
  ActionRequest,
  DeleteRequest,
  QueryRequest,
  QueryResult,
  ReadRequest,
  RequestContext,
  Resource,
  ResourceHandler,
} from '../../crest/protocol/request.ts'
import { requiredParameter } from '../../crest/protocol/request-parameters.ts'
import { pathElements } from '../../crest/protocol/resource-path.ts'
import type { Row } from '../../repo/runs/run-row.ts'
import type { StoredRun } from '../../repo/runs/run-store.ts'
import type { Caller } from '../context/plan-record.ts'
import {
  type Overrides,
  parseExecuteBody,
  parseOverrides,
  parseRunBody,
  parseUndoBody,
  type RunOptions,
} from '../context/run-options.ts'
import type { PrivateFields } from '../mapping/private-fields.ts'
import { callerOf } from '../runs/execution.ts'
import type { ReconService } from '../runs/recon-service.ts'
import { listedAssociations } from '../runs/retention.ts'
import type { Run } from '../runs/run.ts'
import { associationEntry, planEntry, rowStream } from './entries.ts'
import { throughLists } from './entry-filter.ts'
import { differenceStream, type Side } from './plan-difference.ts'
import { queryStream } from './query-stream.ts'

/**
 * `recon`: the runs and their associations (`recon/assoc`). Only this gateway has plans (`recon/plan`) with the actions
 * `approve` and `execute`, and the actions `verify`, `resume` and `undo`.
 */
export class ReconResource implements ResourceHandler {
  readonly #service: ReconService
  readonly #privateFields: Pick<PrivateFields, 'ofMapping'>

  constructor(service: ReconService, privateFields: Pick<PrivateFields, 'ofMapping'>) {
    this.#service = service
    this.#privateFields = privateFields
  }

  async read({ resourcePath }: ReadRequest): Promise<Resource> {
    const [first, id, ...rest] = pathElements(resourcePath)
    if (first === undefined) return { id: '', revision: null, content: { reconciliations: await this.#service.list() } }
    if (rest.length > 0 || (id !== undefined && first !== 'assoc' && first !== 'plan')) throw missing(resourcePath)
    if (id === undefined) return resourceOf(await this.#service.get(first))
    return first === 'assoc' ? this.#association(await this.#persisted(id)) : this.#plan(await this.#service.stored(id))
  }

  async query(request: QueryRequest): Promise<QueryResult> {
    const [first, id, entry, other, ...rest] = pathElements(request.resourcePath)
    if (first === undefined) return queryInMemory((await this.#service.list()).map(resourceOf), request)
    if (first === 'assoc' && id === undefined) return queryInMemory(await this.#associations(), request)
    if (first === 'plan' && id !== undefined && entry === 'diff' && other !== undefined && rest.length === 0)
      return this.#difference(id, other, request)
    if (id === undefined || entry !== 'entry' || other !== undefined) throw missing(request.resourcePath)
    const { runs } = this.#service.parts
    const run = first === 'assoc' ? await this.#persisted(id) : await this.#service.stored(id)
    const collections = this.#service.mapping(run.mapping)
    const secrets = this.#secretsOf(run)
    const show = (row: Parameters<typeof planEntry>[1]) =>
      first === 'assoc' ? associationEntry(run, row, collections) : planEntry(run, row, secrets)
    const answer = await queryStream(overEntries(request), (after) => rowStream(runs.rows(run.number), after, show))
    // Rows that went meanwhile must not look like the end of the list.
    const now = await this.#service.stored(id)
    if (run.persists && !now.persists) throw conflict(`The rows of ${id} went to the run that executes them`)
    return answer
  }

  async action(request: ActionRequest, context: RequestContext): Promise<Json> {
    const { resourcePath, action, additionalParameters, content } = request
    const [id, ...rest] = pathElements(resourcePath)
    if (rest.length > 0) throw missing(resourcePath)
    const by = callerOf(context)
    if (id === undefined) return this.#start(action, additionalParameters, content, by)
    switch (action) {
      case 'cancel':
        await this.#service.cancel(id)
        return { _id: id, action: 'cancel', status: 'INITIATED' }
      case 'approve':
        await this.#service.plans.approve(id, by)
        return representResource(await this.#plan(await this.#service.stored(id)))
      case 'execute': {
        const { overrides, part } = parseExecuteBody(content)
        const acceptedBy = acceptedIn(overrides, by)
        return this.#answer(await this.#service.execute(id, { overrides, part, acceptedBy, by }), additionalParameters)
      }
      case 'resume':
        return this.#answer(await this.#service.resume(id), additionalParameters)
      case 'undo':
        return this.#answer(await this.#service.undo(id, { ...parseUndoBody(content), by }), additionalParameters)
      default:
        throw badRequest(`A reconciliation has the actions approve, cancel, execute, resume and undo, not ${action}`)
    }
  }

  async delete({ resourcePath }: DeleteRequest): Promise<Resource> {
    const [id, ...rest] = pathElements(resourcePath)
    if (id === undefined || rest.length > 0) throw notSupported('Only a single reconciliation can be deleted')
    return resourceOf(await this.#service.remove(id))
  }

  async #start(
    action: string,
    parameters: Readonly<Record<string, string>>,
    content: Json,
    startedBy: Caller,
  ): Promise<Json> {
    if (action !== 'recon' && action !== 'reconById' && action !== 'verify')
      throw badRequest(`Reconciliation has the actions recon, reconById and verify, not ${action}`)
    const mapping = requiredParameter(parameters, 'mapping')
    const options =
      action === 'verify' ? verifyOptions(content) : optionsOf(action, parameters, parseRunBody(content), startedBy)
    return this.#answer(await this.#service.start(mapping, { ...options, startedBy }), parameters)
  }

  async #answer(run: Run, { waitForCompletion }: Readonly<Record<string, string>>): Promise<JsonObject> {
    if (waitForCompletion === 'true') await run.ended
    const { waitsForApproval } = run.toJSON()
    return { _id: run.id, state: run.state, ...(waitsForApproval === true && { waitsForApproval }) }
  }

  async #persisted(id: string): Promise<StoredRun> {
    const run = await this.#service.stored(id)
    if (!run.persists) throw notFound(`Reconciliation ${id} has no associations: it ran without persistAssociations`)
    return run
  }

  async #associations(): Promise<Resource[]> {
    const { runs, mappings } = this.#service.parts
    const listed = listedAssociations(await runs.all(), (mapping) => mappings.find(mapping)?.mapping)
    return listed.map((run) => this.#association(run))
  }

  #association({ id, mapping, isAnalysis, content }: StoredRun): Resource {
    const collections = this.#service.parts.mappings.find(mapping)?.mapping
    return {
      id,
      revision: '1',
      content: {
        mapping,
        sourceResourceCollection: collections?.source ?? null,
        targetResourceCollection: collections?.target ?? null,
        isAnalysis: String(isAnalysis),
        finishTime: content.ended ?? '',
      },
    }
  }

  async #plan(run: StoredRun): Promise<Resource> {
    return { id: run.id, revision: null, content: await this.#service.plans.shown(run) }
  }

  /** @throws notFound, and badRequest for plans of different mappings */
  async #difference(id: string, otherId: string, request: QueryRequest): Promise<QueryResult> {
    const [run, other] = [await this.#service.stored(id), await this.#service.stored(otherId)]
    if (run.mapping !== other.mapping)
      throw badRequest(`${id} is a plan of ${run.mapping}, ${otherId} one of ${other.mapping}: they cannot be compared`)
    for (const { id, state } of [run, other])
      if (state === 'ACTIVE') throw conflict(`Reconciliation ${id} is running: it can be compared when it has ended`)
    const { runs } = this.#service.parts
    const secrets = this.#secretsOf(run)
    const sides = [run, other].map((side) => ({
      rows: runs.rows(side.number),
      show: (row: Row) => representResource(planEntry(side, row, secrets)),
    })) as [Side, Side]
    return queryStream(overEntries(request), (after) => differenceStream(sides, after))
  }

  #secretsOf({ mapping }: StoredRun): ReadonlySet<string> | undefined {
    const found = this.#service.mapping(mapping)
    return found && this.#privateFields.ofMapping(found)
  }
}

function optionsOf(
  action: 'recon' | 'reconById',
  parameters: Readonly<Record<string, string>>,
  { overrides, pilot }: ReturnType<typeof parseRunBody>,
  by: Caller,
): RunOptions {
  const ids = (parameters.ids ?? parameters.id ?? '').split(',').filter((id) => id !== '')
  if (action === 'reconById' && ids.length === 0) throw badRequest('reconById needs the parameter id')
  const acceptedBy = acceptedIn(overrides, by)
  return {
    action,
    ids: parameters.ids === undefined && parameters.id !== undefined ? [parameters.id] : ids,
    isAnalysis: parameters.analyze === 'true',
    persists: parameters.persistAssociations === 'true',
    overrides,
    ...(parameters.changed === 'true' && { changed: true }),
    ...(pilot && { pilot }),
    ...(acceptedBy !== undefined && { acceptedBy }),
  }
}

const verifyOptions = (content: Json): RunOptions => ({
  ...{ action: 'recon', ids: [], isAnalysis: true, persists: false, verifies: true },
  overrides: parseOverrides(content),
})

/** Who accepts that sources are not assessed. */
const acceptedIn = ({ acceptUnassessed }: Overrides, { name, account }: Caller): string | undefined =>
  acceptUnassessed ? (account === null ? 'an internal caller' : name) : undefined

const overEntries = (request: QueryRequest): QueryRequest =>
  request.queryFilter ? { ...request, queryFilter: throughLists(request.queryFilter) } : request

const resourceOf = (run: JsonObject): Resource => ({
  id: String(run._id),
  revision: null,
  content: withoutIdentity(run),
})

const missing = (path: string) => notFound(`Resource 'recon/${path}' not found`)
