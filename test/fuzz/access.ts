/**
 * Requests of a stranger × access rules, against a real gateway with a real remote. The model reads what the remote
 * received, as carelessly as any server may, and asks the rules in its own words: whoever may not do something never
 * causes it at the remote.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { ADMIN, startGateway } from '../gateway/parts.ts'
import { openRaw } from '../helpers/raw.ts'
import type { RecordedRequest } from '../helpers/recorded-request.ts'
import { startRemote } from '../helpers/remote.ts'
import type { Target } from './target.ts'

const BASE = 'external/idm/eu'
const FILTERED = 'managed/secret'
const STRANGER = 'internal/role/openidm-reg'
const METHODS = ['create', 'read', 'update', 'delete', 'patch', 'action', 'query'] as const

interface Rule {
  readonly pattern: string
  readonly roles: string
  readonly methods: string
  readonly actions: string
  readonly excludePatterns: string
}

const rule: fc.Arbitrary<Rule> = fc.record({
  pattern: fc.constantFrom(
    '*',
    `${BASE}/*`,
    `${BASE}/managed/user`,
    `${BASE}/managed/user/*`,
    `${BASE}/managed/role/*`,
    `${BASE}/${FILTERED}/*`,
  ),
  roles: fc.constant(STRANGER),
  methods: fc.oneof(
    fc.subarray([...METHODS]).map((names) => names.join()),
    fc.constantFrom('read', 'create', 'query'),
  ),
  actions: fc.constantFrom('', '*', 'patch', 'create', 'patch,recon'),
  excludePatterns: fc.constantFrom('', `${BASE}/managed/role/*`, `${BASE}/managed/user/admin`),
})

const mostly = <T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 4, arbitrary: usual }, { weight: 1, arbitrary: odd })

const letter = (name: string) =>
  fc.constantFrom('', '', '%25').chain((prefix) =>
    fc.nat(name.length - 1).map((at) => {
      const hex = name.charCodeAt(at).toString(16)
      return name.slice(0, at) + (prefix === '' ? `%${hex}` : `%25${hex}`) + name.slice(at + 1)
    }),
  )
const spelt = (name: string) => mostly(fc.constant(name), letter(name))
const noise = mostly(fc.constant(''), fc.constantFrom(';x', '%3Bx', '%253Bx', '%00', '.', '%2e', ' ', '\\', '#'))
const slash = mostly(fc.constant('/'), fc.constantFrom('%2F', '%252F', '//', '/./', '/../', '/%2e%2e/', '%5C'))
const type = fc.constantFrom('user', 'user', 'role', 'secret', 'users')
const id = fc.constantFrom('1', 'admin', 'a%2Fb', '100%25', '')
const path = fc
  .tuple(slash, spelt('managed'), noise, slash, type.chain(spelt), noise, slash, id, noise)
  .map((parts) => `/openidm/${BASE}${parts.join('')}`)

const parameter = fc.constantFrom(
  '_action=patch',
  '_action=create',
  '_action=recon',
  '_ACTION=delete',
  '%5faction=patch',
  '_act%C4%B1on=delete',
  '_action=',
  '_action=p%61tch',
  '_action=%zz',
  '_queryFilter=true',
  '_QUERYFILTER=true',
  '_query%46ilter=true',
  '_queryF%C4%B1lter=true',
  '_queryId=all',
  '_fields=a',
  'a=_action',
)
const query = fc.array(parameter, { maxLength: 2 }).map((pairs) => (pairs.length === 0 ? '' : `?${pairs.join('&')}`))

const header = fc.constantFrom(
  'X-HTTP-Method-Override: GET',
  'X-HTTP-Method-Override: DELETE',
  'x-http-method-override: put',
  'X-HTTP-Method-Override:',
  'X-Method-Override: DELETE',
  'If-None-Match: *',
  'If-None-Match: *',
  'If-None-Match: "*"',
  'If-None-Match: "1"',
  'If-None-Match:',
  'If-Match: "1"',
  'If-Match: *',
  'If-Match:',
  'Connection: if-none-match',
  'Connection: close, If-Match, if-none-match',
  'Connection: keep-alive',
  'Host: other',
  'Authorization: Basic YTpi',
  'Cookie: session-jwt=x',
)
const method = fc.constantFrom('GET', 'POST', 'POST', 'PUT', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS')

interface Attack {
  readonly line: string
  readonly headers: readonly string[]
}
const attack: fc.Arbitrary<Attack> = fc.record({
  line: fc.tuple(method, path, query).map(([verb, target, search]) => `${verb} ${target}${search}`),
  headers: fc.array(header, { maxLength: 3 }),
})

/** Decoded to the end and without `;parameters`. */
function careless(text: string): string {
  let decoded = text
  for (let last = ''; last !== decoded; ) {
    last = decoded
    decoded = decoded.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  }
  const segments: string[] = []
  for (const segment of decoded.replaceAll('\\', '/').split('/')) {
    const bare = segment.split(';', 1)[0] ?? ''
    if (bare === '..') segments.pop()
    else if (bare !== '' && bare !== '.') segments.push(bare)
  }
  return segments.join('/')
}

/** As Java compares without regard to case: by capitals, then by small letters. */
const folded = (text: string): string => text.toUpperCase().toLowerCase()

/** What a server of Common REST may do for this request; each member is one of the things that must be allowed. */
function effects(request: RecordedRequest): { methods: readonly (typeof METHODS)[number][]; action?: string } {
  const search = new URLSearchParams(request.url.split('?')[1] ?? '')
  const named = [...search].map(([name, value]) => [folded(name), value] as const)
  const action = named.findLast(([name]) => name === '_action')?.[1]
  const isQuery = named.some(([name]) => ['_queryfilter', '_queryid', '_queryexpression'].includes(name))
  switch (request.method) {
    case 'GET':
    case 'HEAD':
      return { methods: [isQuery ? 'query' : 'read'] }
    case 'OPTIONS':
      return { methods: ['read'] }
    case 'POST':
      return action === undefined || folded(action) === 'create'
        ? { methods: ['create'] }
        : { methods: ['action'], action }
    case 'PUT': {
      const [ifMatch, ifNoneMatch] = ['if-match', 'if-none-match'].map((name) => request.raw(name).join(', ').trim())
      if (ifNoneMatch === '*' && ifMatch === '') return { methods: ['create'] }
      return { methods: ifMatch !== '' && ifNoneMatch === '' ? ['update'] : ['create', 'update'] }
    }
    case 'PATCH':
      return { methods: ['patch'] }
    case 'DELETE':
      return { methods: ['delete'] }
    default:
      throw new Error(`the remote was sent ${request.method}`)
  }
}

const listed = (list: string, name: string): boolean => list.split(',').some((entry) => entry === '*' || entry === name)
const fits = (pattern: string, resource: string): boolean =>
  pattern === '*' ||
  (pattern.endsWith('/*')
    ? resource.startsWith(pattern.slice(0, -1)) && resource.length >= pattern.length
    : pattern === resource)

function allows(rules: readonly Rule[], resource: string, request: RecordedRequest): boolean {
  const { methods, action } = effects(request)
  return methods.every((name) =>
    rules.some(
      ({ pattern, methods: given, actions, excludePatterns }) =>
        fits(pattern, resource) &&
        !excludePatterns.split(',').some((excluded) => fits(excluded, resource)) &&
        listed(given, name) &&
        (action === undefined || listed(actions, action)),
    ),
  )
}

const FILTER = {
  pattern: `${BASE}/${FILTERED}($|/.*)`,
  onRequest: { type: 'text/javascript', source: 'throw { code: 403, message: "filtered" }' },
}
const ALL = { pattern: '*', roles: 'internal/role/openidm-admin', methods: '*', actions: '*' }
/** Ids that callers may choose: whatever has no control character, backslash or dot segment. */
const honestId = fc
  .array(fc.constantFrom('a', '%', '25', '2F', ' ', '+', 'é', ':', '@', '~', '=', ';x'), { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join(''))

export const access: Target = {
  name: 'requests of a stranger against access rules and filters',
  quickRuns: 40,
  async start() {
    const remote = await startRemote()
    const eu = { authType: 'basic', instanceUrl: remote.url, userName: 'svc', password: 'pw' }
    const conf = { 'external.idm-eu.json': eu, 'access.json': { configs: [ALL] }, 'router.json': { filters: [FILTER] } }
    const gateway = await startGateway({ conf, plugins: [packageRoot] })
    const own = ['Host: gateway', 'X-OpenIDM-Username: anonymous', 'X-OpenIDM-Password: anonymous']

    async function send({ line, headers }: Attack): Promise<void> {
      const framing = ['Content-Type: application/json', 'Content-Length: 2']
      const raw = await openRaw(gateway.port)
      await raw.write([`${line} HTTP/1.1`, ...own, ...framing, ...headers, '', '{}'].join('\r\n'))
      const { status } = await raw.response(1, [line.split(' ', 1)[0] ?? ''])
      raw.destroy()
      assert.ok(status < 500 || status === 501, `${line}: ${status}`)
    }

    return fc.asyncProperty(
      fc.array(rule, { minLength: 1, maxLength: 3 }),
      fc.array(attack, { minLength: 1, maxLength: 12 }),
      honestId,
      async (rules, attacks, id) => {
        const written = await gateway.call('/config/access', { method: 'PUT', json: { configs: [...rules, ALL] } })
        assert.equal(written.status, 200, written.text)
        for (const one of attacks) {
          remote.requests.splice(0)
          await send(one)
          for (const request of remote.requests) {
            const resource = careless(request.url.split('?')[0] ?? '').replace(/^openidm/, BASE)
            const told = `${one.line} ${one.headers.join(' | ')} with ${JSON.stringify(rules)} reached ${request.method} ${request.url}`
            assert.ok(allows(rules, resource, request), told)
            assert.ok(!`${resource}/`.startsWith(`${BASE}/${FILTERED}/`), `past the filter: ${told}`)
          }
        }
        const honest = await gateway.call(`/managed/user/${encodeURIComponent(id)}`, { headers: ADMIN })
        assert.equal(honest.status, 404, `an honest path: ${encodeURIComponent(id)}: ${honest.text}`)
      },
    )
  },
}
