/**
 * A fake IDM for tests: a real HTTP server on a free port of loopback that behaves like OpenIDM 7.0.1, as observed
 * request by request, or like PingIDM 8.1, and that can be made to misbehave in the ways that remotes do.
 *
 *     const remote = await fakeIdm({ invisible: ['password'] })
 *     remote.seed('managed/user', [{ _id: 'u1', sn: 'Ortiz', password: 'Secret12' }])
 *     remote.intercept('PATCH managed/user/*', busy(503), { times: 2 })
 *     // …
 *     assert.deepEqual(remote.writes.map(({ line }) => line), ['PATCH managed/user/u1'])
 *     assert.equal(remote.object('managed/user', 'u1')?.password, 'Secret12')
 *
 * Switches (`fakeIdm({ … })`, or `remote.switches.NAME = …` while it runs; options.ts):
 *   like           `openidm` (default) or `pingidm`: long revisions, `add` of a list appends, cookies by sort values,
 *                  `in`, totals, fields behind lists of relationships
 *   invisible      never shown, removed by a PUT that lacks them
 *   writeOnly      never shown, kept by a PUT that lacks them
 *   swallowed      accepted, not stored
 *   normalised     stored trimmed, in lower case, sorted, or changed by a function
 *   defaults       set by a create that lacks them
 *   policies       403 with `failedPolicyRequirements`; none unless given, `USER_POLICIES` are OpenIDM's
 *   revisions      `counter`, `opaque` or `none`
 *   patch          `supported`, or the status that refuses it (400, 405, 501)
 *   clientIds      `accepted`, or the status that refuses a create with an id (400, 403, 405)
 *   namedBy        the id follows this field, as at connectors: an update of it renames the object
 *   credentials    all others are answered with 401; everybody is welcome unless given
 * Fixed from the start: `collections` (others are 404 until seeded) and `relationships`.
 *
 * Interceptors (`remote.intercept(when, interceptor, { times })`; interceptors.ts), the latest one outermost:
 *   a load balancer   foreign('html' | 'text' | 'empty' | 'json' | 'idm', status), busy(429 | 503, retryAfter?)
 *   lies              errorIn200(), otherId(id), ignoresWrites()
 *   forgetful scans   missingRows(…ids), rowsWithoutId(…ids), partialRows(…ids), repeatedRow(id, fields), rewriteRows(f)
 *   endless scans     endlessCookies(), alternatingCookies(), emptyPagesFirst(n)
 *   time              before(f), delayed(ms), held()
 *   connection        cutBefore(), cutAfter()
 *   bytes             inLatin1(), invalidUtf8(), truncated()
 *   anything else     respond(answer), rewrite(f), rewriteObject(f), or a function of request and next
 */
import type { Json, JsonObject } from '../../../lib/contract.ts'
import type { Exchange } from '../behaviours.ts'
import { type Remote, startRemote } from '../remote.ts'
import { type Answer, errorAnswer } from './answer.ts'
import { dispatch } from './dispatch.ts'
import { isMap, parseExact, printExact } from './exact-json.ts'
import { before, CUT, type Interceptor, type Next } from './interceptors.ts'
import { DEFAULT_RELATIONSHIPS, defaultSwitches, type FakeIdmOptions, type Switches } from './options.ts'
import { type ObjectName, Relationships } from './relationships.ts'
import { identityOf, refOf } from './represent.ts'
import { FakeRequest } from './request.ts'
import { Store } from './store.ts'

export * from './answer.ts'
export * from './interceptors.ts'
export { type FakeIdmOptions, type Policies, type Switches, USER_POLICIES } from './options.ts'
export { FakeRequest } from './request.ts'

/** `METHOD path` with `*` for anything (`GET managed/user/*`), or a function of the request. */
export type When = string | ((request: FakeRequest) => boolean)

export interface Interception {
  /** How many requests it took so far. */
  readonly hits: number
  remove(): void
}

/** Starts a fake IDM; it closes with its owner (see clean-up.ts). */
export async function fakeIdm(options: FakeIdmOptions = {}): Promise<FakeIdm> {
  const remote = await startRemote()
  const idm = new FakeIdm(remote, options)
  remote.answer((exchange) => idm.serve(exchange))
  return idm
}

export class FakeIdm {
  /** The server below: its connections, and the requests byte for byte. */
  readonly remote: Remote
  /** In force from the next request on. */
  readonly switches: Switches
  /** In order of arrival, whatever became of them. */
  readonly requests: FakeRequest[] = []
  readonly #store: Store
  #interceptions: Taker[] = []

  constructor(remote: Remote, { collections = [], relationships = DEFAULT_RELATIONSHIPS, ...given }: FakeIdmOptions) {
    this.remote = remote
    this.switches = { ...defaultSwitches(given.like), ...given }
    this.#store = new Store(this.switches, new Relationships(relationships))
    for (const collection of [...collections, ...this.#store.relationships.collections])
      this.#store.collection(collection)
  }

  /** `http://127.0.0.1:PORT/openidm/`. */
  get url(): string {
    return this.remote.url
  }

  /** The requests that were more than reads. */
  get writes(): FakeRequest[] {
    return this.requests.filter(({ isWrite }) => isWrite)
  }

  /**
   * Puts objects in place, past all rules, and their references too, whether or not the far objects are there. A text
   * is JSON whose numbers keep their digits.
   */
  seed(collection: string, objects: readonly (JsonObject | string)[]): void {
    this.#store.collection(collection)
    for (const object of objects) {
      const exact = parseExact(typeof object === 'string' ? object : printExact(object))
      if (!isMap(exact) || typeof exact._id !== 'string') throw new TypeError('a seeded object needs an _id')
      this.#place({ collection, id: exact._id }, exact)
    }
  }

  /** The object as it is stored, with what is never shown and without relationships; undefined when there is none. */
  object(collection: string, id: string): JsonObject | undefined {
    const text = this.text(collection, id)
    return text === undefined ? undefined : (JSON.parse(text) as JsonObject)
  }

  /** The same as JSON with all digits. */
  text(collection: string, id: string): string | undefined {
    const entry = this.#store.find({ collection, id })
    if (!entry) return undefined
    return printExact({ ...identityOf(entry), ...entry.content })
  }

  /** All of a collection as it is stored, in the order of creation. */
  objects(collection: string): JsonObject[] {
    return this.ids(collection).flatMap((id): JsonObject[] => [this.object(collection, id) ?? {}])
  }

  ids(collection: string): string[] {
    return [...this.#store.collection(collection).keys()]
  }

  /** The `_ref`s that a relationship field holds. */
  refs(collection: string, id: string, field: string): string[] {
    const { relationships } = this.#store
    const name = { collection, id }
    return relationships.edges(name, field).map((edge) => refOf(relationships.far(edge, name, field)))
  }

  /** Changes fields as somebody else would: the revision moves. Undefined removes a field. */
  change(collection: string, id: string, fields: Readonly<Record<string, Json | undefined>>): void {
    const changed = { ...this.#store.get({ collection, id }).content, ...fields }
    this.#place({ collection, id }, parseExact(JSON.stringify(changed)) as JsonObject)
  }

  delete(collection: string, id: string): void {
    this.#store.delete({ collection, id })
  }

  /** Has `interceptor` stand in the way of the requests that `when` names, or of the first `times` of them. */
  intercept(when: When, interceptor: Interceptor, { times = Number.POSITIVE_INFINITY } = {}): Interception {
    const taker = new Taker(typeof when === 'string' ? matching(when) : when, interceptor, times)
    this.#interceptions.push(taker)
    return {
      get hits() {
        return taker.hits
      },
      remove: () => {
        this.#interceptions = this.#interceptions.filter((other) => other !== taker)
      },
    }
  }

  /** Runs `work` once, before the next request that `when` names is carried out. */
  before(when: When, work: (request: FakeRequest) => unknown): Interception {
    return this.intercept(when, before(work), { times: 1 })
  }

  /** Forgets objects, requests and interceptors; the switches stay as they are. */
  reset(): void {
    this.#store.clear()
    this.#interceptions = []
    this.clearRequests()
  }

  clearRequests(): void {
    this.requests.length = 0
  }

  /** Called by the server below. */
  async serve(exchange: Exchange): Promise<void> {
    const { request: recorded, response } = exchange
    await recorded.received
    if (!recorded.complete) return
    const request = new FakeRequest(recorded)
    this.requests.push(request)
    const isWhole = recorded.bodyLength === recorded.body.length
    const outcome = isWhole ? await this.#chain(request)() : errorAnswer(413, 'The body is too large')
    if (outcome === CUT) exchange.reset()
    else if (!response.destroyed) write(exchange, outcome)
  }

  #chain(request: FakeRequest): Next {
    let chain: Next = async (asked = request) => dispatch(this.#store, asked)
    for (const taker of this.#interceptions.filter((taker) => taker.takes(request))) {
      const behind = chain
      chain = async (asked = request) => taker.interceptor(asked, (other = asked) => behind(other))
    }
    return chain
  }

  #place(name: ObjectName, { _id, _rev, ...object }: JsonObject): void {
    const { relationships } = this.#store
    for (const field of relationships.fields(name.collection).keys()) {
      if (!(field in object)) continue
      const { removed, added } = relationships.plan(name, field, object[field], () => true)
      for (const edge of removed) relationships.unlink(edge)
      for (const addition of added) relationships.link(addition)
      delete object[field]
    }
    this.#store.put(name, object)
  }
}

class Taker {
  readonly interceptor: Interceptor
  readonly #when: (request: FakeRequest) => boolean
  readonly #times: number
  #hits = 0

  constructor(when: (request: FakeRequest) => boolean, interceptor: Interceptor, times: number) {
    this.#when = when
    this.interceptor = interceptor
    this.#times = times
  }

  get hits(): number {
    return this.#hits
  }

  takes(request: FakeRequest): boolean {
    if (this.#hits >= this.#times || !this.#when(request)) return false
    this.#hits += 1
    return true
  }
}

function matching(pattern: string): (request: FakeRequest) => boolean {
  const expression = new RegExp(`^${pattern.split('*').map(escapeRegExp).join('.*')}$`, 's')
  return ({ line }) => expression.test(line)
}

const escapeRegExp = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

function write({ request, response }: Exchange, { status, headers, json, raw }: Answer): void {
  const body = json === undefined ? raw : printExact(json)
  const needsCookie = request.headers.authorization !== undefined && request.headers['x-openidm-nosession'] !== 'true'
  const cookie = needsCookie ? { 'set-cookie': 'session-jwt=fake; Path=/; HttpOnly' } : {}
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  response.writeHead(status, { ...cookie, ...length, ...headers }).end(body)
}
