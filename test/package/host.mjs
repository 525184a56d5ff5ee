/**
 * An application as a user would write it, in plain JavaScript: the remote instances in Express 5, Express 4 or plain
 * `http`, between other routes of the host. One process listens on several ports, its entrances, which differ in what
 * the host does before the router. Prints one line of JSON: `{ ports, refusals }`.
 *
 *   node host.mjs '{ "specifier", "framework", "confDir" }'
 */
import { once } from 'node:events'
import http from 'node:http'

const { specifier, framework, confDir } = JSON.parse(process.argv[2])
const { activate, externalIdm } = await import(specifier)
const express =
  framework === 'http' ? undefined : (await import(framework === 'express4' ? 'express4' : 'express')).default

const toLoopback = (_name, options, callback) =>
  options.all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4)

const print = (level) => (_details, message) => process.stderr.write(`${level}: ${message}\n`)
const quiet = () => undefined
const log = { trace: quiet, debug: quiet, info: quiet, warn: print('warn'), error: print('error') }

const responses = new WeakMap()
/** How many requests of ours wait for the end of their response. */
let waiting = 0

/**
 * Decides as the caller's header says, and shows on the response which path the decision was made for
 * (docs/pitfalls.md#two-readers-of-one-path).
 */
async function authorize(request) {
  const path = request.originalUrl ?? request.url
  responses.get(request)?.setHeader('x-access-path', Buffer.from(path, 'latin1').toString('base64'))
  switch (request.headers['x-verdict']) {
    case '401':
      return 401
    case '403':
      return 403
    case 'false':
      return false
    case 'nothing':
      return undefined
    case 'text':
      return 'yes'
    case 'throw':
      throw new Error('the user store at 10.0.0.7 is down')
    default:
      return true
  }
}

const idm = await externalIdm({ confDir, authorize, lookup: toLoopback, log })
const open = await externalIdm({ confDir, dangerouslyAllowUnauthenticated: true, lookup: toLoopback, log })

/** What the package must refuse to do (docs/pitfalls.md#open-router), and in which words. */
const wordsOf = (attempt) => attempt().then(String, (error) => `${error.name}: ${error.message}`)
const refusals = {
  router: await wordsOf(() => externalIdm({ confDir })),
  plugin: await wordsOf(async () => activate({ id: 'external-idm', confDir, log, authenticates: () => false })),
}

const json = (response, status, body) => {
  response.statusCode = status
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(body))
}

/** Notes that a request has begun, and writes an access log as hosts do: when the response has ended. */
const begin = (request, response) => {
  responses.set(request, response)
  if (request.url.includes('/external/idm/')) {
    waiting += 1
    response.once('close', () => {
      waiting -= 1
    })
  }
  const { method, url } = request
  if (request.headers['user-agent'] === undefined) return
  response.once('finish', () => print('access')({}, `${method} ${url} "${request.headers['user-agent']}"`))
}

const keepRaw = (request, _response, bytes) => {
  request.rawBody = Buffer.from(bytes)
}

/** A parser as people write it by hand. */
const reader = (isMine, apply) => async (request, _response, next) => {
  const bytes = isMine(request.headers['content-type'] ?? '') ? Buffer.concat(await request.toArray()) : ''
  if (bytes.length > 0) apply(request, bytes)
  next()
}

const withExpress = (router, parser) => {
  const application = express()
  application.use((request, response, next) => {
    begin(request, response)
    next()
  })
  if (parser) application.use(parser)
  application.get('/openidm/info/ping', (_request, response) => json(response, 200, { host: 'before' }))
  application.get('/openidm/info/waiting', (_request, response) => json(response, 200, { waiting }))
  application.use('/openidm', router)
  application.use((request, response) => json(response, 404, { host: 'after', url: request.originalUrl }))
  application.use((error, _request, response, _next) => json(response, error.status ?? 500, { host: 'error' }))
  return application
}

const withHttp = (router, parser) => (request, response) => {
  begin(request, response)
  const after = () => json(response, 404, { host: 'after', url: request.url })
  const serve = () => {
    if (request.url === '/openidm/info/ping') json(response, 200, { host: 'before' })
    else if (request.url === '/openidm/info/waiting') json(response, 200, { waiting })
    else router(request, response, after)
  }
  if (parser) parser(request, response, serve)
  else serve()
}

const isAny = () => true
const isJson = (type) => /\bjson\b/.test(type)
const isForm = (type) => type.includes('urlencoded')

/** What stands before the router, by entrance; the same in Express's words and in those of a hand-written server. */
const parsers = express
  ? {
      json: express.json({ limit: '2mb' }),
      rawBody: express.json({ verify: keepRaw }),
      buffer: express.raw({ type: isAny }),
      text: express.text({ type: isAny }),
      urlencoded: express.urlencoded({ extended: false }),
    }
  : {
      json: reader(isJson, (request, bytes) => Object.assign(request, { body: JSON.parse(bytes.toString()) })),
      rawBody: reader(isJson, (request, bytes) => keepRaw(request, undefined, bytes)),
      buffer: reader(isAny, (request, bytes) => Object.assign(request, { body: bytes })),
      text: reader(isAny, (request, bytes) => Object.assign(request, { body: bytes.toString() })),
      urlencoded: reader(isForm, (request, bytes) => Object.assign(request, { body: { text: bytes.toString() } })),
    }

const listener = express ? withExpress : withHttp

const entrances = {
  bare: [listener(idm.router)],
  /** A host that reads requests as old clients write them. */
  lenient: [listener(idm.router), { insecureHTTPParser: true }],
  /** Everyone may come in. */
  open: [listener(open.router)],
  json: [listener(idm.router, parsers.json)],
  rawBody: [listener(idm.router, parsers.rawBody)],
  buffer: [listener(idm.router, parsers.buffer)],
  text: [listener(idm.router, parsers.text)],
  urlencoded: [listener(idm.router, parsers.urlencoded)],
}

const ports = {}
for (const [entrance, [listener, options = {}]] of Object.entries(entrances)) {
  const server = http.createServer({ keepAliveTimeout: 60_000, ...options }, listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  ports[entrance] = server.address().port
}
process.stdout.write(`${JSON.stringify({ ports, refusals })}\n`)

// Whoever started it may be cut off; then nobody is left who would end it.
process.stdin.on('end', () => process.exit()).resume()
