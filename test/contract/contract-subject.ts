import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Json, JsonObject } from '../../lib/contract.ts'
import type { Connection } from '../../lib/crest/protocol/connection.ts'
import { childPath } from '../../lib/crest/protocol/resource-path.ts'

/** The collection under test, reached as every caller reaches it. */
export interface ContractSubject {
  readonly connection: Connection
  /** `managed/user`, or the path behind a remote: `external/idm/eu/managed/user`. It may hold other objects. */
  readonly collection: string
}

/** What a collection may leave out; everything is expected unless switched off here. */
export interface ContractOptions {
  /** Counts with `_totalPagedResultsPolicy=EXACT`. */
  readonly totals?: boolean
  /** Takes ids with a slash in them. */
  readonly slashInIds?: boolean
  /** Knows the operator `in`. */
  readonly inOperator?: boolean
  /** A comparison against a list holds when any element matches. */
  readonly listElements?: boolean
  /** A patch that changes nothing keeps the revision. */
  readonly quietPatch?: boolean
}

/** `it`, or a pending test where the collection leaves something out. */
export const when = (supported: boolean | undefined): Mocha.TestFunction | Mocha.PendingTestFunction =>
  supported === false ? it.skip : it

/** One test's own objects in the collection. */
export class ContractSuite {
  readonly #open: () => ContractSubject | Promise<ContractSubject>
  #subject: ContractSubject | undefined
  run = ''

  constructor(open: () => ContractSubject | Promise<ContractSubject>) {
    this.#open = open
  }

  async begin(): Promise<void> {
    this.#subject = await this.#open()
    this.run = randomUUID()
  }

  get subject(): ContractSubject {
    return this.#subject ?? assert.fail('the suite has not begun')
  }

  get openidm(): Connection {
    return this.subject.connection
  }

  get collection(): string {
    return this.subject.collection
  }

  /** An id of this test's own. */
  id(name: string): string {
    return `${name}-${this.run}`
  }

  path(id: string): string {
    return childPath(this.collection, id)
  }

  create(name: string, content: JsonObject = {}): Promise<JsonObject> {
    return this.openidm.create(this.collection, this.id(name), { ...content, run: this.run })
  }

  /** The names of this test's objects that match. */
  async find(filter: string, params: Record<string, Json> = {}): Promise<string[]> {
    const query = { _queryFilter: `run eq "${this.run}" and (${filter})`, ...params }
    const { result } = await this.openidm.query(this.collection, query)
    return result.map((object) => this.nameOf(object))
  }

  nameOf(object: JsonObject): string {
    return String(object._id).slice(0, -1 - this.run.length)
  }
}

export const text = (value: Json | undefined): string =>
  typeof value === 'string' ? value : assert.fail(`no text: ${value}`)
