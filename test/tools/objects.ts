/** One configuration object of each type that this gateway knows, and some that it only keeps. */
import type { JsonObject } from '../../lib/contract.ts'

const js = (source: string): JsonObject => ({ type: 'text/javascript', source })

export const OBJECTS: Readonly<Record<string, JsonObject>> = {
  access: { configs: [{ pattern: '*', roles: 'internal/role/openidm-admin', methods: '*', actions: '*' }] },
  'custom/rates': { eur: 1, nested: { list: [1, { a: null }], password: 'a parked secret' } },
  'emailTemplate/welcome': {
    enabled: true,
    from: 'idm@example.com',
    defaultLocale: 'en',
    subject: { en: 'Welcome' },
    message: { en: '<html><body><p>Welcome</p></body></html>' },
    mimeType: 'text/html',
  },
  'endpoint/echo': { ...js('request.method'), globals: { apiKey: 'a key', limit: 3 } },
  'external.idm/kept': {
    authType: 'basic',
    instanceUrl: 'http://127.0.0.1:9/openidm/',
    userName: 'svc',
    password: 'a password',
    proxy: { proxyUri: 'http://127.0.0.1:9', userName: 'p', password: 'another' },
    enabled: false,
  },
  gateway: { trustTransactionHeader: true },
  managed: {
    objects: [
      {
        name: 'user',
        schema: { properties: { userName: { type: 'string' }, password: { type: 'string', isProtected: true } } },
      },
      { name: 'role', onCreate: js('object.made = true'), schema: { properties: { name: { type: 'string' } } } },
    ],
  },
  'mapping/single': {
    name: 'single',
    source: 'managed/user',
    target: 'managed/role',
    properties: [{ source: 'userName', target: 'name' }],
  },
  'repo.jdbc': { connection: { url: 'jdbc:x', password: '&{db.password}', username: 'idm' } },
  router: { filters: [{ pattern: '^nothing$', methods: ['read'], onRequest: js('request.seen = 1') }] },
  'schedule/nightly': {
    enabled: false,
    type: 'cron',
    schedule: '0 0 2 * * ?',
    invokeService: 'sync',
    invokeContext: { action: 'reconcile', mapping: 'listed' },
  },
  script: { visibleProperties: ['a.b'], properties: { 'javascript.exception.debug.info': false } },
  sync: { mappings: [{ name: 'listed', source: 'managed/role', target: 'managed/user', properties: [] }] },
  'ui/themerealm': { realm: { '/': [{ name: 'Starter', isDefault: true }] } },
}
