/** Configuration in which a secret of each kind stands at each place where it must not be shown, or opened. */
import type { Json, JsonObject } from '../../lib/contract.ts'
import type { Canaries } from './scenario.ts'

const SCRIPT = { type: 'text/javascript', source: '1' }

/** What refers to a secret; none of them shows it. */
export const references = (encrypted: Json): Json[] => [
  '&{canary.value}',
  'x&{canary.value}y',
  { $object: '&{canary.value}' },
  { $int: '&{canary.value}' },
  { $purpose: { name: 'canary.purpose', jsonPointer: '/password' } },
  encrypted,
]

/** Objects with a reference where it does not belong: most are refused, and each is told. */
export const misplaced = (basic: JsonObject, value: Json): [id: string, content: JsonObject][] => [
  ...[
    'authType',
    'instanceUrl',
    'userName',
    'tlsVersion',
    'maxConnections',
    'proxy',
    'clientCertificate',
    'enabled',
  ].map((name): [string, JsonObject] => ['external.idm/new', { ...basic, [name]: value }]),
  ['external.idm/new', { ...basic, proxy: { proxyUri: value } }],
  ['external.idm/new', { ...basic, clientCertificate: { file: value } }],
  ['endpoint/new', { ...SCRIPT, context: value }],
  ['endpoint/new', { type: 'text/javascript', file: value }],
  ['endpoint/new', { type: 'text/javascript', source: value }],
  ['endpoint/new', { ...SCRIPT, globals: { x: value } }],
  ['router', { filters: [{ pattern: value }] }],
  ['router', { filters: [{ onRequest: { type: 'text/javascript', file: value } }] }],
  ['schedule/new', { schedule: value, invokeService: 'sync', invokeContext: {} }],
  ['managed', { objects: [{ name: 'new', onCreate: { type: 'text/javascript', file: value } }] }],
  ['access', { configs: [{ pattern: value, roles: value, methods: value }] }],
  ['authentication', { rsFilter: { tokenIntrospectUrl: value, staticUserMapping: value } }],
  ['script', { limits: { memoryMB: value } }],
  ['gateway', { stopTimeout: value }],
  ['sync', { mappings: [{ name: value, source: value, target: value }] }],
  ['mapping/new', { source: value, target: value, validSource: value }],
]

/** Secrets in clear text under names of all kinds, in objects that are stored as they are. */
export const inClear = ({ password, clientSecret }: Canaries): [id: string, content: JsonObject][] => [
  [
    'custom/secrets',
    { _password: password, passwrod: password, inner: [{ clientSecert: clientSecret, pwd: password }] },
  ],
  ['repo.jdbc', { connection: { password, url: `jdbc:x://idm:${encodeURIComponent(password)}@db/x` } }],
  ['endpoint/clear', { ...SCRIPT, globals: { apiKey: clientSecret, url: `https://svc:${password}@x` } }],
  ['external.email', { auth: { username: 'x', password, tokens: [clientSecret] } }],
]
