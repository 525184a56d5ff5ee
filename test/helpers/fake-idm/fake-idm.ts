/**
 * A fake IDM for tests: a real HTTP server on a free loopback port. It behaves like OpenIDM 7.0.1, as observed request
 * by request, or like PingIDM 8.1, and tests can add the faults that real remotes and their networks have.
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
 *   invisible      never returned; a PUT without them removes them
 *   writeOnly      never returned; a PUT without them keeps them
 *   swallowed      accepted, not stored
 *   normalised     stored trimmed, lower-cased, sorted, or mapped by a function
 *   defaults       set on create when absent
 *   policies       403 with `failedPolicyRequirements`; none by default, see `USER_POLICIES`
 *   revisions      `counter`, `opaque` or `none`
 *   patch          `supported`, or the status that rejects it (400, 405, 501)
 *   clientIds      `accepted`, or the status that rejects a create with an id (400, 403, 405)
 *   namedBy        the field that is the id, as with connectors: updating it renames the object
 *   unsearchable   filters by these fields find nothing
 *   clockSkew      milliseconds that its `Date` headers are ahead, or `none`
 *   credentials    required from callers, 401 otherwise; none by default
 * Fixed at start: `collections` (others answer 404 until seeded) and `relationships`.
 *
 * Interceptors (`remote.intercept(when, interceptor, { times })`; interceptors.ts); the last one added is outermost:
 *   load balancer     foreign('html' | 'text' | 'empty' | 'json' | 'idm', status), busy(429 | 503, retryAfter?)
 *   lies              errorIn200(), otherId(id), ignoresWrites()
 *   incomplete scans  missingRows(…ids), rowsWithoutId(…ids), partialRows(…ids), repeatedRow(id, fields), rewriteRows(f)
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

/** `METHOD path` where `*` matches anything (`GET managed/user/*`), or a predicate. */
export type When = string | ((request: FakeRequest) => boolean)

export interface Interception {
  /** Number of requests intercepted so far. */
  readonly hits: number
  remove(): void
}

/** Starts a fake IDM that is closed with its owner (see clean-up.ts). */
export async function fakeIdm(options: FakeIdmOptions = {}): Promise<FakeIdm> {
  const remote = await startRemote()
  const idm = new FakeIdm(remote, options)
  remote.answer((exchange) => idm.serve(exchange))
  return idm
}

export class FakeIdm {
  /** The underlying server: connections, and requests byte for byte. */
  readonly remote: Remote
  /** Changes apply from the next request on. */
  readonly switches: Switches
  /** In order of arrival, whatever the outcome. */
  readonly requests: FakeRequest[] = []
  readonly #store: Store
  #interceptions: ActiveInterception[] = []

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

  /** The requests that are not reads. */
  get writes(): FakeRequest[] {
    return this.requests.filter(({ isWrite }) => isWrite)
  }

  /**
   * Stores objects and their references directly: no policy or switch applies, and far objects need not exist. A string
   * is parsed as JSON; its numbers keep their digits.
   */
  seed(collection: string, objects: readonly (JsonObject | string)[]): void {
    this.#store.collection(collection)
    for (const object of objects) {
      const exact = parseExact(typeof object === 'string' ? object : printExact(object))
      if (!isMap(exact) || typeof exact._id !== 'string') throw new TypeError('a seeded object needs an _id')
      this.#place({ collection, id: exact._id }, exact)
    }
  }

  /** The object as it is stored, including fields that are never returned, without relationships. */
  object(collection: string, id: string): JsonObject | undefined {
    const text = this.text(collection, id)
    return text === undefined ? undefined : (JSON.parse(text) as JsonObject)
  }

  /** The stored object as JSON text with exact digits. */
  text(collection: string, id: string): string | undefined {
    const entry = this.#store.find({ collection, id })
    if (!entry) return undefined
    return printExact({ ...identityOf(entry), ...entry.content })
  }

  /** All stored objects of a collection, in creation order. */
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

  /** Changes fields as another client would: the revision moves. Undefined removes a field. */
  change(collection: string, id: string, fields: Readonly<Record<string, Json | undefined>>): void {
    const changed = { ...this.#store.get({ collection, id }).content, ...fields }
    this.#place({ collection, id }, parseExact(JSON.stringify(changed)) as JsonObject)
  }

  delete(collection: string, id: string): void {
    this.#store.delete({ collection, id })
  }

  /** Applies `interceptor` to the requests that match `when`, at most `times` of them. */
  intercept(when: When, interceptor: Interceptor, { times = Number.POSITIVE_INFINITY } = {}): Interception {
    const active = new ActiveInterception(typeof when === 'string' ? matching(when) : when, interceptor, times)
    this.#interceptions.push(active)
    return {
      get hits() {
        return active.hits
      },
      remove: () => {
        this.#interceptions = this.#interceptions.filter((other) => other !== active)
      },
    }
  }

  /** Runs `work` once, before the next request that matches `when` is processed. */
  before(when: When, work: (request: FakeRequest) => unknown): Interception {
    return this.intercept(when, before(work), { times: 1 })
  }

  /** Removes objects, recorded requests and interceptors; the switches stay as they are. */
  reset(): void {
    this.#store.clear()
    this.#interceptions = []
    this.clearRequests()
  }

  clearRequests(): void {
    this.requests.length = 0
    this.remote.requests.length = 0
  }

  /** Called by the underlying server. */
  async serve(exchange: Exchange): Promise<void> {
    const { request: recorded, response } = exchange
    await recorded.received
    if (!recorded.complete) return
    const request = new FakeRequest(recorded)
    this.requests.push(request)
    const isWhole = recorded.bodyLength === recorded.body.length
    const outcome = isWhole ? await this.#chain(request)() : errorAnswer(413, 'The body is too large')
    if (outcome === CUT) exchange.reset()
    else if (!response.destroyed) write(exchange, outcome, this.switches)
  }

  #chain(request: FakeRequest): Next {
    let chain: Next = async (asked = request) => dispatch(this.#store, asked)
    for (const active of this.#interceptions.filter((candidate) => candidate.takes(request))) {
      const behind = chain
      chain = async (asked = request) => active.interceptor(asked, (other = asked) => behind(other))
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

class ActiveInterception {
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

function write(
  { request, response }: Exchange,
  { status, headers, json, raw }: Answer,
  { clockSkew }: Pick<Switches, 'clockSkew'>,
): void {
  const body = json === undefined ? raw : printExact(json)
  const needsCookie = request.headers.authorization !== undefined && request.headers['x-openidm-nosession'] !== 'true'
  const cookie = needsCookie ? { 'set-cookie': 'session-jwt=fake; Path=/; HttpOnly' } : {}
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  response.sendDate = clockSkew !== 'none'
  const date = clockSkew === 'none' ? {} : { date: new Date(Date.now() + clockSkew).toUTCString() }
  response.writeHead(status, { ...cookie, ...length, ...date, ...headers }).end(body)
}
