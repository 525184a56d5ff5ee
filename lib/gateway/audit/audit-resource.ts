import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { JsonObject } from '../../contract.ts'
import { isObject, parseStoredJson } from '../../core/json.ts'
import { isAuditTopic } from '../../core/telemetry/audit.ts'
import { notFound } from '../../crest/errors.ts'
import type { QueryRequest, QueryResult, ReadRequest, Resource, ResourceHandler } from '../../crest/protocol/request.ts'
import { pathElements } from '../../crest/protocol/resource-path.ts'
import { queryStream, type Streamed } from '../../sync/rest/query-stream.ts'
import type { AuditService } from './audit-service.ts'

/**
 * `audit/TOPIC`: the events that are kept, from the repository, otherwise from the present file. `audit/recon` has a route
 * of its own.
 */
export class AuditResource implements ResourceHandler {
  readonly #audit: Pick<AuditService, 'readable'>

  constructor(audit: Pick<AuditService, 'readable'>) {
    this.#audit = audit
  }

  async read({ resourcePath }: ReadRequest): Promise<Resource> {
    const [topic, id, ...rest] = pathElements(resourcePath)
    if (id === undefined || rest.length > 0) throw missing(resourcePath)
    const source = await this.#sourceOf(topic)
    if ('store' in source) return source.store.get(id)
    for await (const { resource } of eventsIn(source.file, null)) if (resource.id === id) return resource
    throw missing(resourcePath)
  }

  async query(request: QueryRequest): Promise<QueryResult> {
    const [topic, ...rest] = pathElements(request.resourcePath)
    if (rest.length > 0) throw missing(request.resourcePath)
    const source = await this.#sourceOf(topic)
    if ('store' in source) return source.store.query({ ...request, resourcePath: '' })
    return queryStream(request, (after) => eventsIn(source.file, after))
  }

  async #sourceOf(topic: string | undefined) {
    const source = isAuditTopic(topic) ? await this.#audit.readable(topic) : undefined
    if (source) return source
    const reason = isAuditTopic(topic) ? ': no handler of audit.json keeps this topic' : ''
    throw notFound(`Resource 'audit${topic === undefined ? '' : `/${topic}`}' not found${reason}`)
  }
}

/** A cookie is the number of a line. */
async function* eventsIn(file: string, after: string | null): AsyncGenerator<Streamed, void> {
  const first = Number(after ?? 0)
  const input = createReadStream(file)
  try {
    let number = 0
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      number += 1
      const event = number > first ? eventOf(line) : undefined
      if (!event) continue
      const { _id, ...content } = event
      yield { cookie: `${number}`, resource: { id: String(_id), revision: null, content } }
    }
  } catch (error) {
    // No event so far.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  } finally {
    input.destroy()
  }
}

/** undefined for half a line, which a full disk or a killed process has left. */
function eventOf(line: string): JsonObject | undefined {
  try {
    const event = parseStoredJson(line)
    return isObject(event) ? event : undefined
  } catch {
    return undefined
  }
}

const missing = (path: string) => notFound(`Resource 'audit/${path}' not found`)
