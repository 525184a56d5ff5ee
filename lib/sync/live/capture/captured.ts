import type { CapturedRequest, JsonObject, OutgoingRequest } from '../../../contract.ts'
import { isObject, parseJson } from '../../../core/json.ts'
import { isNumber, textOf } from '../../../core/long-number.ts'
import type { CapturedChanges } from '../../../repo/queue/capture-store.ts'
import type { NewEvent } from '../../../repo/queue/event.ts'
import type { ChangeAction } from '../change.ts'
import type { Written } from './written.ts'

/** A collection of a remote, captured for one mapping. */
export interface CapturedCollection {
  readonly mapping: string
  /** The source of the mapping. */
  readonly source: string
  readonly instance: string
  /** Its path at the remote, decoded. */
  readonly elements: readonly string[]
}

/** What a request may change for one mapping. */
export interface Found {
  readonly collection: CapturedCollection
  readonly written: Written
}

const NOTHING: CapturedChanges = { events: [], sweeps: [] }

/** A request that was noted, until it is known what has become of it. */
export class Captured implements CapturedRequest {
  readonly #request: OutgoingRequest
  readonly #found: readonly Found[]
  readonly #settle: (key: number, became: CapturedChanges) => void
  #key: number | undefined

  /** @param settle called once, when it is known what has become of it */
  constructor(
    request: OutgoingRequest,
    found: readonly Found[],
    settle: (key: number, became: CapturedChanges) => void,
  ) {
    this.#request = request
    this.#found = found
    this.#settle = settle
  }

  /** What is assumed to have changed if its outcome stays unknown. */
  get doubt(): CapturedChanges {
    return this.#changes([])
  }

  noted(key: number): void {
    this.#key = key
  }

  /** OpenIDM creates with PUT the object that the body names, whatever the path says. */
  needsBody(status: number): boolean {
    return this.#found.some(
      ({ written: { kind } }) =>
        (kind === 'answer' && isSuccess(status)) ||
        (kind === 'object' && status === 201 && this.#request.method === 'PUT'),
    )
  }

  answered(status: number, body?: string): void {
    if (status >= 400 && status < 500) this.#end(NOTHING)
    else this.#end(this.#changes(isSuccess(status) ? idsIn(body) : []))
  }

  unsent(): void {
    this.#end(NOTHING)
  }

  lost(): void {
    this.#end(this.doubt)
  }

  #end(became: CapturedChanges): void {
    const key = this.#key
    this.#key = undefined
    if (key !== undefined) this.#settle(key, became)
  }

  /** @param named the ids that the response names */
  #changes(named: readonly string[]): CapturedChanges {
    const events: NewEvent[] = []
    const sweeps = new Set<string>()
    for (const { collection, written } of this.#found) {
      const ids = new Set(written.kind === 'object' ? [written.id] : [])
      if (this.#takesIds(written)) for (const id of named) ids.add(id)
      if (ids.size === 0) sweeps.add(collection.mapping)
      else if (written.kind !== 'unknown')
        events.push(...[...ids].map((id) => this.#event(collection, id, written.action)))
    }
    return { events, sweeps: [...sweeps] }
  }

  #takesIds({ kind }: Written): boolean {
    return kind === 'answer' || (kind === 'object' && this.#request.method === 'PUT')
  }

  #event({ mapping, source }: CapturedCollection, resourceId: string, action: ChangeAction): NewEvent {
    const { syncChain = [], transactionId = null, userId = null } = this.#request
    const unknown = { objectRev: null, oldObject: null, newObject: null }
    return { mapping, collection: source, resourceId, action, ...unknown, chain: syncChain, transactionId, userId }
  }
}

const isSuccess = (status: number): boolean => status >= 200 && status < 300

/** The ids of the object or the objects in the body of a response. */
function idsIn(body: string | undefined): string[] {
  try {
    const json = parseJson(body ?? '')
    const list = isObject(json) && Array.isArray(json.result) ? json.result : Array.isArray(json) ? json : [json]
    return list
      .filter(isObject)
      .map(idOf)
      .filter((id) => id !== '')
  } catch {
    return []
  }
}

const idOf = ({ _id: id }: JsonObject): string => (typeof id === 'string' ? id : isNumber(id) ? textOf(id) : '')
