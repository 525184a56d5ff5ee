import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { reply } from '../helpers/behaviours.ts'
import type { Remote } from '../helpers/remote.ts'
import type { Call } from './client.ts'

/** May manage; the key of the proxy may not. */
export const MANAGER = { authorization: 'Bearer manager' }
const NOBODY = { authorization: 'Bearer nobody' }

/** What hosts are started with beside the proxy. @param db path of the database */
export const managed = (db: string) => ({
  sync: { db },
  authorizeManagement: ({ headers }: IncomingMessage) => {
    if (headers['x-fails'] !== undefined) throw new Error('secret of the host')
    if (headers.authorization === NOBODY.authorization) return 401 as const
    return headers.authorization === MANAGER.authorization
  },
})

/** In `conf/` of each host: nothing is copied, since the remote has no objects. */
export const MAPPING = {
  source: 'external/idm/eu/managed/user',
  target: 'external/idm/eu/managed/copy',
  properties: [{ source: 'mail', target: 'mail' }],
}

const READS = [
  'recon',
  'recon?_queryFilter=true',
  'recon/',
  'sync/mappings?_queryFilter=true',
  'audit/recon?_queryFilter=true',
  'repo/link?_queryFilter=true',
  'config',
  'config/external.idm/eu',
] as const

/** Addresses that some readers take for `recon` or `config`, and others for something else. */
const DISGUISED = [
  'external/idm/x/../../recon',
  'external/idm/eu/%2e%2e/%2e%2e/%2e%2e/recon',
  'external/idm/..%2f..%2frecon',
  './recon',
  '/recon',
  '%72econ',
  'RECON',
  'recon;a=b',
  'recon%2f',
  'recon/%2e%2e/config',
  'recon/../config',
  'config%2fexternal.idm',
  'config/external.idm%2Feu',
  'config/external.idm/eu%3Bx',
  'repo/link/%252e%252e/%252e%252e/config',
] as const

export interface Answered {
  readonly status: number
  readonly text: string
  readonly headers: Readonly<Record<string, unknown>>
}

/** The management routes of a host, for right and wrong callers. */
export function itIsManaged(
  call: (path: string, options?: Call) => Promise<Answered>,
  remote: () => Remote,
  { knowsManager = false }: { readonly knowsManager?: boolean },
): void {
  const as = (headers: Record<string, string>, path: string, more: Call = {}) =>
    call(`/openidm/${path}`, { ...more, headers: { ...more.headers, ...headers } })
  const json = (method: string, body: unknown): Call => ({
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const RECON = 'recon?_action=recon&mapping=m&waitForCompletion=true'

  for (const path of READS)
    it(`${path} is for managers only`, async () => {
      const denied = await as({}, path)
      assert.equal(denied.status, 403, denied.text)
      assert.deepEqual(JSON.parse(denied.text), { code: 403, reason: 'Forbidden', message: 'Access denied' })
      assert.equal((await as(NOBODY, path)).status, knowsManager ? 403 : 401)
      const allowed = await as(MANAGER, path)
      assert.equal(allowed.status, 200, allowed.text)
      assert.equal(typeof JSON.parse(allowed.text), 'object')
    })

  it('a reconciliation is started by managers only', async () => {
    remote().answer(reply({ body: { result: [], resultCount: 0, pagedResultsCookie: null } }))
    const settings = json('POST', { allowEmptySourceSet: true })
    for (const headers of [{}, NOBODY]) assert.ok((await as(headers, RECON, settings)).status >= 401)
    assert.deepEqual(remote().requests, [])
    const started = await as(MANAGER, RECON, settings)
    assert.equal(started.status, 200, started.text)
    const { _id, state } = JSON.parse(started.text) as { _id: string; state: string }
    assert.equal(state, 'SUCCESS')
    assert.equal((await as(MANAGER, `recon/${_id}`)).status, 200)
  })

  it('configuration is changed by managers only', async () => {
    const instance = { authType: 'basic', instanceUrl: 'http://127.0.0.1:1/openidm/', userName: 'a', password: 'b' }
    assert.equal((await as({}, 'config/external.idm/new', json('PUT', instance))).status, 403)
    const created = await as(MANAGER, 'config/external.idm/new', json('PUT', instance))
    assert.equal(created.status, 201, created.text)
    assert.match(String(created.headers.location), /^https?:\/\/[^/]+\/openidm\/config\/external\.idm\/new$/)
    assert.doesNotMatch((await as(MANAGER, 'config/external.idm/new')).text, /"password":"b"/)
    assert.equal((await as({}, 'config/external.idm/new', { method: 'DELETE' })).status, 403)
    assert.equal((await as(MANAGER, 'config/external.idm/new', { method: 'DELETE' })).status, 200)
    for (const id of ['authentication', 'access', 'script', 'managed'])
      assert.equal((await as(MANAGER, `config/${id}`, json('PUT', {}))).status, 404, id)
  })

  it('scripts are not evaluated unless the application asks for it', async () => {
    const script = json('POST', { type: 'text/javascript', source: '1 + 1' })
    for (const action of ['eval', 'compile'])
      for (const headers of [{}, MANAGER])
        assert.equal((await as(headers, `script?_action=${action}`, script)).status, 404)
  })

  it('a method that is overridden is refused', async () => {
    const headers = { ...MANAGER, 'x-http-method-override': 'DELETE' }
    assert.equal((await as(headers, 'config/external.idm/eu', { method: 'POST' })).status, 400)
    assert.equal((await as(MANAGER, 'config/external.idm/eu')).status, 200)
  })

  for (const path of DISGUISED)
    it(`/openidm/${path} is nothing that is managed`, async () => {
      for (const headers of [{}, MANAGER]) {
        const { status, text } = await as(headers, path)
        assert.ok(status >= 400 && status < 500, `${status} ${text}`)
      }
    })

  if (knowsManager) return
  it('what the check of the application throws stays in its log', async () => {
    const { status, text } = await as({ ...MANAGER, 'x-fails': '1' }, 'recon')
    assert.deepEqual([status, JSON.parse(text).message], [500, 'Internal Server Error'])
  })
}
