import type { JsonObject } from '../../contract.ts'
import { badGateway, toResourceException } from '../../crest/errors.ts'
import { printQueryFilter } from '../../crest/filter/query-filter.ts'

/** The reads that a proof needs. */
interface Reads {
  readonly path: string
  read(id: string, measure: string): Promise<JsonObject | null>
  all(params: JsonObject, measure: string): Promise<JsonObject[]>
  pages(
    query: { readonly resourceName: undefined; readonly params: JsonObject },
    pageSize: number,
    measure: string,
  ): AsyncGenerator<JsonObject[], void>
}

const MEASURE = 'absenceProof'

/**
 * Proves that an object is gone. A 404 alone says little: gateways answer it for every read by id, scans miss rows,
 * instances are disabled. An object is absent when a read by id and a query by its id both do not find it, and a read by
 * id of an object that is known to be there does.
 */
export class AbsenceProof {
  readonly #set: Reads
  readonly #mayBeEmpty: boolean
  /** Queries by id did not find these. */
  readonly #notListed = new Set<string>()
  #sample: string | undefined
  #readable: Promise<void> | undefined

  /** @param mayBeEmpty whether a collection that shows no object at all is taken for empty */
  constructor(set: Reads, mayBeEmpty: boolean) {
    this.#set = set
    this.#mayBeEmpty = mayBeEmpty
  }

  /** Objects that a query has brought. */
  brought([first]: readonly JsonObject[]): void {
    if (typeof first?._id === 'string' && first._id !== '') this.#sample = first._id
  }

  /** A query by these ids has answered without them. */
  notListed(ids: readonly string[]): void {
    for (const id of ids) this.#notListed.add(id)
  }

  /** @throws badGateway when it cannot be told */
  async isAbsent(id: string): Promise<boolean> {
    try {
      if (await this.#set.read(id, MEASURE)) return false
      if (!this.#notListed.has(id) && (await this.#isListed(id)))
        throw badGateway('a query shows it, and a read by its id does not find it')
      this.#readable ??= this.#checkReads()
      await this.#readable
      return true
    } catch (error) {
      this.#readable = undefined
      const { message } = toResourceException(error)
      throw badGateway(`Cannot determine whether ${this.#set.path}/${id} is gone: ${message}`, { cause: error })
    }
  }

  async #isListed(id: string): Promise<boolean> {
    const filter = printQueryFilter({ operator: 'eq', field: ['_id'], value: id })
    return (await this.#set.all({ _queryFilter: filter }, MEASURE)).some(({ _id }) => _id === id)
  }

  /** What the scan brought may have gone since: then one that is there now decides. */
  async #checkReads(): Promise<void> {
    const scanned = this.#sample
    if (scanned !== undefined && (await this.#set.read(scanned, MEASURE))) return
    const sample = await this.#first()
    if (sample === undefined) {
      if (this.#mayBeEmpty) return
      throw badGateway('the collection shows no object at all (allowEmptySourceSet takes it for empty)')
    }
    if (!(await this.#set.read(sample, MEASURE)))
      throw badGateway(`reads by id do not find ${sample} either, which a query shows`)
  }

  async #first(): Promise<string | undefined> {
    for await (const [object] of this.#set.pages(
      { resourceName: undefined, params: { _queryFilter: 'true' } },
      1,
      MEASURE,
    ))
      if (object) return String(object._id)
    return undefined
  }
}
