import { describeHost } from '../contract.ts'
import { assertInstalled, example } from './examples.ts'

/** Each is an example of docs/your-own-gateway.md or docs/run-in-your-app.md, or in examples/. */
describe('hosts of the documentation', () => {
  before(assertInstalled)

  describeHost('Express', example('express.mjs'))
  describeHost('examples/express', example('express/app.mjs'))
  describeHost('examples/express-sync', example('express-sync/app.mjs'), { knowsManager: true })
  describeHost('Express with synchronization', example('sync.mjs'), { knowsManager: true })
  describeHost('examples/nest', example('nest/app.mjs'))
  describeHost('node:http', example('http.mjs'))
  describeHost('node:http2', example('http2.mjs', { speaks: 'h2, TLS' }))
  describeHost('node:http2, called over HTTP/1.1', example('http2.mjs', { speaks: 'http/1.1, TLS' }))
  describeHost('Nest', example('nest.mjs'))
  describeHost('Fastify with @fastify/express', example('fastify-express.mjs'))
  describeHost('Fastify with @fastify/middie', example('fastify-middie.mjs'))
  describeHost('Koa', example('koa.mjs'))
  describeHost('h3', example('h3.mjs'))
  describeHost('serverless-http', example('serverless.mjs', { runner: 'serverless-runner.mjs' }), {
    buffers: true,
    changes: ['managed/user?'],
  })
})
