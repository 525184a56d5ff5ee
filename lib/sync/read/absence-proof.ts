import type { JsonObject } from '../../contract.ts'
import { badGateway, toResourceException } from '../../crest/errors.ts'
import { printQueryFilter } from '../../crest/filter/query-filter.ts'

/** The requests that a proof needs. */
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
 * Proves that an object is deleted. A 404 alone does not: some gateways answer every read by id with it, scans miss rows,
 * instances are disabled. An object is absent when neither a read nor a query by its id finds it, and a read by id of an
 * object that is known to exist succeeds.
 */
export class AbsenceProof {
  readonly #set: Reads
  readonly #mayBeEmpty: boolean
  /** Ids that a query did not find. */
  readonly #unlisted = new Set<string>()
  #sample: string | undefined
  #readable: Promise<void> | undefined

  /** @param mayBeEmpty whether a collection without any object is accepted as empty */
  constructor(set: Reads, mayBeEmpty: boolean) {
    this.#set = set
    this.#mayBeEmpty = mayBeEmpty
  }

  /** Notes objects that a query returned: their reads by id have to succeed. */
  noteListed([first]: readonly JsonObject[]): void {
    if (typeof first?._id === 'string' && first._id !== '') this.#sample = first._id
  }

  /** Notes ids that a query for them did not return. */
  noteUnlisted(ids: readonly string[]): void {
    for (const id of ids) this.#unlisted.add(id)
  }

  /** @throws badGateway when that cannot be determined */
  async isAbsent(id: string): Promise<boolean> {
    try {
      if (await this.#set.read(id, MEASURE)) return false
      if (!this.#unlisted.has(id) && (await this.#isListed(id)))
        throw badGateway('a query returns it, and a read by its id does not find it')
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

  /** An object of the scan may have been deleted since: then one that exists now decides. */
  async #checkReads(): Promise<void> {
    const scanned = this.#sample
    if (scanned !== undefined && (await this.#set.read(scanned, MEASURE))) return
    const sample = await this.#first()
    if (sample === undefined) {
      if (this.#mayBeEmpty) return
      throw badGateway('the collection has no object at all (set allowEmptySourceSet if it may be empty)')
    }
    if (!(await this.#set.read(sample, MEASURE)))
      throw badGateway(`reads by id do not find ${sample} either, which a query returns`)
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
