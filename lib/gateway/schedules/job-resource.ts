import { randomUUID } from 'node:crypto'
import type { Json } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { cronFault } from '../../core/time/cron.ts'
import { badRequest, conflict, notFound, notSupported, preconditionFailed } from '../../crest/errors.ts'
import { checkAddressable } from '../../crest/http/request-path.ts'
import type { Connection } from '../../crest/protocol/connection.ts'
import { queryInMemory } from '../../crest/protocol/page.ts'
import type {
  ActionRequest,
  CreateRequest,
  DeleteRequest,
  QueryRequest,
  QueryResult,
  ReadRequest,
  Resource,
  ResourceHandler,
  UpdateRequest,
} from '../../crest/protocol/request.ts'
import { childPath, pathElements } from '../../crest/protocol/resource-path.ts'
import type { Job } from './job.ts'
import { definitionOf, jobContent, triggerContent, triggerId } from './job-view.ts'
import type { Jobs } from './jobs.ts'
import { definitionIn } from './schedule.ts'

/**
 * `scheduler/job`: the jobs; `scheduler/trigger`: their times, read-only. Updates and deletions of a job of a file go to
 * `config/schedule/NAME`.
 */
export class JobResource implements ResourceHandler {
  readonly #jobs: Jobs
  readonly #connection: Connection

  constructor(jobs: Jobs, connection: Connection) {
    this.#jobs = jobs
    this.#connection = connection
  }

  async create({ resourcePath, newResourceId, content }: CreateRequest): Promise<Resource> {
    if (resourcePath !== 'job') throw notSupported('Only jobs can be created')
    const name = newResourceId ?? randomUUID()
    checkAddressable(name)
    if (this.#jobs.get(name)) throw preconditionFailed(`Schedule ${name} already exists`)
    return this.#jobResource(await this.#jobs.define(name, content))
  }

  async read({ resourcePath }: ReadRequest): Promise<Resource> {
    const [kind, id, ...rest] = pathElements(resourcePath)
    const found = rest.length === 0 ? this.#resources(kind).find((resource) => resource.id === id) : undefined
    if (!found) throw missing(resourcePath)
    return found
  }

  async update({ resourcePath, content }: UpdateRequest): Promise<Resource> {
    const { name, isFile, sweeps } = this.#job(resourcePath)
    checkOwn(name, sweeps)
    if (!isFile) return this.#jobResource(await this.#jobs.define(name, content))
    await this.#connection.update(childPath('config/schedule', name), null, definitionIn(content))
    return this.#jobResource(this.#job(resourcePath))
  }

  async delete({ resourcePath }: DeleteRequest): Promise<Resource> {
    const job = this.#job(resourcePath)
    checkOwn(job.name, job.sweeps)
    const deleted = this.#jobResource(job)
    if (job.isFile) await this.#connection.delete(childPath('config/schedule', job.name), null)
    else await this.#jobs.forget(job)
    return deleted
  }

  async query(request: QueryRequest): Promise<QueryResult> {
    const { resourcePath, queryId } = request
    if (resourcePath !== 'job' && resourcePath !== 'trigger') throw missing(resourcePath)
    const resources = this.#resources(resourcePath)
    if (queryId !== 'query-all-ids') return queryInMemory(resources, request)
    const ids = resources.map(({ id }) => ({ id, revision: null, content: {} }))
    return queryInMemory(ids, { ...request, queryFilter: { operator: 'literal', value: true } })
  }

  async action({ resourcePath, action, content }: ActionRequest): Promise<Json> {
    const [kind, name] = pathElements(resourcePath)
    if (name !== undefined) return this.#trigger(this.#job(resourcePath), action)
    if (kind !== undefined && kind !== 'job') throw missing(resourcePath)
    if (action === 'validateQuartzCronExpression') return { valid: isCron(content) }
    if (kind === undefined) throw badRequest(`Unknown action: ${action}`)
    switch (action) {
      case 'listCurrentlyExecutingJobs':
        return this.#jobs
          .all()
          .filter(({ isRunning }) => isRunning)
          .map(definitionOf)
      case 'pauseJobs':
      case 'resumeJobs':
        await this.#jobs.pause(action === 'pauseJobs')
        return { success: true }
      default:
        throw badRequest(`Unknown action: ${action}`)
    }
  }

  #trigger(job: Job, action: string): Json {
    if (action !== 'trigger') throw badRequest(`Unknown action: ${action}`)
    if (!job.schedule) throw badRequest(`Schedule ${job.name} is not enabled`)
    void job.fire()
    return { success: true }
  }

  /** @throws notFound */
  #job(path: string): Job {
    const [kind, name, ...rest] = pathElements(path)
    const job = kind === 'job' && name !== undefined && rest.length === 0 ? this.#jobs.get(name) : undefined
    if (!job) throw missing(path)
    return job
  }

  #resources(kind: string | undefined): Resource[] {
    const jobs = this.#jobs.all()
    if (kind === 'job') return jobs.map((job) => this.#jobResource(job))
    if (kind !== 'trigger') return []
    return jobs.flatMap((job) => (job.schedule ? [this.#triggerResource(job, job.schedule)] : []))
  }

  #jobResource(job: Job): Resource {
    return { id: job.name, revision: null, content: jobContent(job, this.#jobs.isPaused) }
  }

  #triggerResource(job: Job, schedule: NonNullable<Job['schedule']>): Resource {
    return { id: triggerId(job), revision: null, content: triggerContent(job, schedule, this.#jobs.isPaused) }
  }
}

/** @throws conflict when the job is a part of a mapping */
function checkOwn(name: string, sweeps: string | undefined): void {
  if (sweeps !== undefined)
    throw conflict(`Schedule ${name} is incremental.sweep of the mapping ${sweeps}: change it there`)
}

function isCron(content: Json): boolean {
  const expression = isObject(content) ? content.cronExpression : undefined
  if (typeof expression !== 'string') throw badRequest('The content must have a string cronExpression')
  return cronFault(expression) === undefined
}

const missing = (path: string) => notFound(`Resource '${path === '' ? 'scheduler' : `scheduler/${path}`}' not found`)
