/** Handlers other than files: standard output, the repository. */
import type { JsonObject } from '../../contract.ts'
import { parseStoredJson } from '../../core/json.ts'
import type { AuditTopic } from '../../core/telemetry/audit.ts'
import { ResourceException } from '../../crest/errors.ts'
import type { ObjectStore } from '../../repo/objects/object-store.ts'
import type { Repository } from '../../repo/repository.ts'
import type { AuditLine, AuditSink } from './event-queue.ts'

export interface Output {
  write(text: string, written: (error?: Error | null) => void): unknown
}

/** One line for each event, with its topic in `_topic`, as IDM writes it. */
export class StdoutSink implements AuditSink {
  readonly #output: Output

  constructor(output: Output) {
    this.#output = output
  }

  write(lines: readonly AuditLine[]): Promise<{ left: readonly AuditLine[]; fault?: Error }> {
    const text = lines.map((line) => `{"_topic":"${line.topic}",${line.text.slice(1)}\n`).join('')
    return new Promise((resolve) =>
      this.#output.write(text, (error) => resolve(error ? { left: lines, fault: error } : { left: [] })),
    )
  }
}

const CONCURRENT = 100

/** Objects `audit/TOPIC` of the repository, of which the oldest are deleted. */
export class RepositorySink implements AuditSink {
  readonly #repository: Promise<Repository>
  readonly #max: number
  readonly #stores = new Map<AuditTopic, Promise<ObjectStore>>()
  /** Events of a topic until it is counted again. */
  readonly #left = new Map<AuditTopic, number>()

  /** @param max events of each topic */
  constructor(repository: Promise<Repository>, max: number) {
    this.#repository = repository
    this.#max = max
  }

  async write(lines: readonly AuditLine[]): Promise<{ left: readonly AuditLine[]; fault?: Error }> {
    let done = 0
    try {
      for (; done < lines.length; done += CONCURRENT)
        await Promise.all(lines.slice(done, done + CONCURRENT).map((line) => this.#insert(line)))
      for (const topic of new Set(lines.map((line) => line.topic))) await this.#removeOld(topic)
      return { left: [] }
    } catch (error) {
      return { left: lines.slice(done), fault: error as Error }
    }
  }

  store(topic: AuditTopic): Promise<ObjectStore> {
    const known = this.#stores.get(topic)
    if (known) return known
    const store = this.#repository.then((repository) => repository.store(`audit/${topic}`, { indexes: ['timestamp'] }))
    store.catch(() => this.#stores.delete(topic))
    this.#stores.set(topic, store)
    return store
  }

  async #insert({ topic, text }: AuditLine): Promise<void> {
    const { _id, ...content } = parseStoredJson(text) as JsonObject
    try {
      await (await this.store(topic)).insert(String(_id), content)
      this.#left.set(topic, (this.#left.get(topic) ?? 0) - 1)
    } catch (error) {
      // A batch that failed in part is sent again.
      if (!(error instanceof ResourceException && error.code === 412)) throw error
    }
  }

  /** Looks when a tenth of what may be kept has come. */
  async #removeOld(topic: AuditTopic): Promise<void> {
    if ((this.#left.get(topic) ?? 0) > 0) return
    const store = await this.store(topic)
    const query = (pageSize: number) =>
      store.query({
        ...{ method: 'query', resourcePath: '', fields: [['_id']], additionalParameters: {} },
        ...{ queryFilter: { operator: 'literal', value: true }, pagedResultsCookie: null, pagedResultsOffset: 0 },
        ...{ pageSize, sortKeys: [{ field: ['timestamp'], ascending: true }], totalPagedResultsPolicy: 'EXACT' },
      })
    const { totalPagedResults } = await query(1)
    const surplus = totalPagedResults - this.#max
    if (surplus > 0) for (const { id } of (await query(surplus)).result) await store.remove(id, null)
    this.#left.set(topic, Math.max(1, Math.floor(this.#max / 10)))
  }
}
