import assert from 'node:assert/strict'
import express from 'express'
import { Secret } from '../../lib/core/secret.ts'
import { crestHttp } from '../../lib/crest/http/http.ts'
import { ResourceRouter } from '../../lib/crest/protocol/router.ts'
import { defaultAccess } from '../../lib/gateway/access/access.ts'
import { staticUsers } from '../../lib/gateway/access/administrator.ts'
import { Authentication } from '../../lib/gateway/access/authentication.ts'
import { LoginThrottle } from '../../lib/gateway/access/login-throttle.ts'
import { corsSchema } from '../../lib/gateway/configuration/cors-settings.ts'
import { settingsSchema } from '../../lib/gateway/configuration/settings.ts'
import { addInfo } from '../../lib/gateway/http/info.ts'
import { Listener } from '../../lib/gateway/http/listener.ts'
import { OpenidmMount } from '../../lib/gateway/http/openidm-mount.ts'
import { requestContext } from '../../lib/gateway/http/request-record.ts'
import { createServer } from '../../lib/gateway/http/server.ts'
import { ServerState, type StateName } from '../../lib/gateway/http/server-state.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { request } from '../helpers/http.ts'
import { memoryLog } from '../helpers/log.ts'
import { ANONYMOUS } from './parts.ts'

const ADMIN = { 'x-openidm-username': 'openidm-admin', 'x-openidm-password': 'x' }

/** The mount on a listener, with its state in the hands of the test. */
async function mounted() {
  const log = memoryLog()
  const state = new ServerState()
  const router = new ResourceRouter()
  addInfo(router, { state, version: '0.0.0' })
  const throttle = new LoginThrottle({ signal: new AbortController().signal })
  const users = staticUsers(new Secret('x'))
  const authentication = new Authentication({ stores: () => users, throttle, rsFilter: () => undefined })
  const resources = crestHttp({ router, contextOf: (request) => requestContext(request, authentication) })
  const mount = new OpenidmMount({ state, authentication, access: defaultAccess, resources, log })
  const cors = () => corsSchema.parse({})
  const front = createServer({ mount, cors, settings: () => settingsSchema.parse({}), log })
  const listener = await Listener.open({ host: '127.0.0.1', port: 0, ...front })
  onCleanUp(() => listener.close(AbortSignal.abort()))
  const get = (path: string, headers = ADMIN) => request(`${listener.origin}/openidm${path}`, { headers })
  return { state, get, mount }
}

const notReady = (state: StateName, shortDesc: string) => ({
  code: 503,
  reason: 'Service Unavailable',
  message: 'Service Unavailable',
  detail: { shortDesc, state },
})

describe('the gateway in its states', () => {
  for (const [state, shortDesc] of [
    ['STARTING', 'OpenIDM starting'],
    ['STOPPING', 'OpenIDM stopping'],
  ] as const) {
    it(`${state}: is alive and not ready, and serves nothing else`, async () => {
      const gateway = await mounted()
      gateway.state.enter(state)
      assert.deepEqual((await gateway.get('/health/live', ANONYMOUS)).json, {})
      for (const path of ['/health/ready', '/health', '/info/ping', '/info/login', '/managed/user/x']) {
        const { status, json } = await gateway.get(path)
        assert.deepEqual([path, status, json], [path, 503, notReady(state, shortDesc)])
      }
    })
  }

  it('ACTIVE_READY: serves', async () => {
    const gateway = await mounted()
    gateway.state.enter('ACTIVE_READY')
    assert.equal((await gateway.get('/health/ready', ANONYMOUS)).status, 200)
    assert.equal((await gateway.get('/info/login')).status, 200)
  })

  it('tells strangers nothing of its state', async () => {
    const gateway = await mounted()
    assert.equal((await gateway.get('/health/live', { ...ADMIN, 'x-openidm-password': 'y' })).status, 401)
  })
})

describe('a router of a plugin on the mount', () => {
  it('may be one of Express, with all that its handlers expect', async () => {
    const { state, get, mount } = await mounted()
    state.enter('ACTIVE_READY')
    const router = express.Router()
    router.use((_request, response, next) => {
      response.locals.seen = 'yes'
      next()
    })
    router.get('/plugin/:id', (request, response) => {
      const { baseUrl, originalUrl, params } = request
      const host = request.get('host') !== undefined
      const { seen } = response.locals
      response.status(202).json({ baseUrl, originalUrl, id: params.id, host, seen, fresh: request.fresh })
    })
    mount.routers.add((request, response, next) =>
      router(request as express.Request, response as express.Response, next),
    )
    const answer = await get('/plugin/a?b=c')
    assert.equal(answer.status, 202)
    assert.equal(answer.headers['x-content-type-options'], 'nosniff')
    assert.deepEqual(answer.json, {
      baseUrl: '/openidm',
      originalUrl: '/openidm/plugin/a?b=c',
      id: 'a',
      host: true,
      seen: 'yes',
      fresh: false,
    })
  })
})
