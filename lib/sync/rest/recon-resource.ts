import type { Json, JsonObject } from '../../contract.ts'
import { badRequest, notFound, notSupported } from '../../crest/errors.ts'
import { queryInMemory } from '../../crest/protocol/page.ts'
import { withoutIdentity } from '../../crest/protocol/represent.ts'
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
import { pathElements } from '../../crest/protocol/resource-path.ts'
import type { StoredRun } from '../../repo/runs/run-store.ts'
import { type Overrides, parseOverrides, type RunOptions } from '../context/run-options.ts'
import type { PrivateFields } from '../mapping/private-fields.ts'
import type { ReconService } from '../runs/recon-service.ts'
import { associationEntry, planEntry, rowStream } from './entries.ts'
import { queryStream } from './query-stream.ts'

/**
 * `recon`: the runs and their associations (`recon/assoc`). Only this gateway has plans (`recon/plan`) and the action
 * `execute`, which carries a plan out.
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
    const [first, id, entry, ...rest] = pathElements(request.resourcePath)
    if (first === undefined) return queryInMemory((await this.#service.list()).map(resourceOf), request)
    if (first === 'assoc' && id === undefined) return queryInMemory(await this.#associations(), request)
    if (id === undefined || entry !== 'entry' || rest.length > 0) throw missing(request.resourcePath)
    const { runs, mappings } = this.#service.parts
    const run = first === 'assoc' ? await this.#persisted(id) : await this.#service.stored(id)
    const collections = mappings.find(run.mapping)?.mapping
    const secrets = collections && this.#privateFields.ofMapping(collections)
    const show = (row: Parameters<typeof planEntry>[1]) =>
      first === 'assoc' ? associationEntry(run, row, collections) : planEntry(run, row, secrets)
    return queryStream(request, (after) => rowStream(runs.rows(run.number), after, show))
  }

  async action(request: ActionRequest, context: RequestContext): Promise<Json> {
    const { resourcePath, action, additionalParameters, content } = request
    const [id, ...rest] = pathElements(resourcePath)
    if (rest.length > 0) throw missing(resourcePath)
    const overrides = action === 'cancel' ? {} : parseOverrides(content)
    const acceptedBy = overrides.acceptUnassessed
      ? (context.security?.authenticationId ?? 'an internal caller')
      : undefined
    if (id === undefined) return this.#start(action, additionalParameters, { overrides, acceptedBy })
    if (action === 'cancel') {
      await this.#service.cancel(id)
      return { _id: id, action: 'cancel', status: 'INITIATED' }
    }
    if (action !== 'execute') throw badRequest(`A reconciliation has the actions cancel and execute, not ${action}`)
    const run = await this.#service.execute(id, overrides, acceptedBy)
    if (additionalParameters.waitForCompletion === 'true') await run.ended
    return { _id: run.id, state: run.state }
  }

  async delete({ resourcePath }: DeleteRequest): Promise<Resource> {
    const [id, ...rest] = pathElements(resourcePath)
    if (id === undefined || rest.length > 0) throw notSupported('Only a single reconciliation can be deleted')
    return resourceOf(await this.#service.remove(id))
  }

  async #start(action: string, parameters: Readonly<Record<string, string>>, given: Given): Promise<Json> {
    if (action !== 'recon' && action !== 'reconById')
      throw badRequest(`Reconciliation has the actions recon and reconById, not ${action}`)
    const { mapping } = parameters
    if (mapping === undefined || mapping === '') throw badRequest('The parameter mapping is missing')
    const run = await this.#service.start(mapping, optionsOf(action, parameters, given))
    if (parameters.waitForCompletion === 'true') await run.ended
    return { _id: run.id, state: run.state }
  }

  async #persisted(id: string): Promise<StoredRun> {
    const run = await this.#service.stored(id)
    if (!run.persists) throw notFound(`Reconciliation ${id} has no associations: it ran without persistAssociations`)
    return run
  }

  async #associations(): Promise<Resource[]> {
    const runs = await this.#service.parts.runs.all()
    return runs.filter(({ persists }) => persists).map((run) => this.#association(run))
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
    const counts = await this.#service.parts.runs.rows(run.number).countByKind()
    return {
      id: run.id,
      revision: null,
      content: { mapping: run.mapping, counts: counts.map((count) => ({ ...count })) },
    }
  }
}

/** The content of the body of a request. */
interface Given {
  readonly overrides: Overrides
  readonly acceptedBy: string | undefined
}

function optionsOf(
  action: 'recon' | 'reconById',
  parameters: Readonly<Record<string, string>>,
  { overrides, acceptedBy }: Given,
): RunOptions {
  const ids = (parameters.ids ?? parameters.id ?? '').split(',').filter((id) => id !== '')
  if (action === 'reconById' && ids.length === 0) throw badRequest('reconById needs the parameter id')
  return {
    action,
    ids: parameters.ids === undefined && parameters.id !== undefined ? [parameters.id] : ids,
    isAnalysis: parameters.analyze === 'true',
    persists: parameters.persistAssociations === 'true',
    overrides,
    ...(acceptedBy !== undefined && { acceptedBy }),
  }
}

const resourceOf = (run: JsonObject): Resource => ({
  id: String(run._id),
  revision: null,
  content: withoutIdentity(run),
})

const missing = (path: string) => notFound(`Resource 'recon/${path}' not found`)
