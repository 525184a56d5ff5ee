/**
 * The one http-proxy-middleware of this process (pitfall R1: each one leaves a listener at the server for ever). It
 * holds no settings: what is particular to a request comes with its exchange.
 */
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import type { Options, Plugin } from 'http-proxy-middleware'
import { requireQuietly } from '../util/quiet-require.ts'
import type { Exchange } from './exchange.ts'

const { createProxyMiddleware } = requireQuietly('http-proxy-middleware') as typeof import('http-proxy-middleware')

/** On the request itself: with an entry of a WeakMap for each they cost a tenth more. */
const EXCHANGE = Symbol('exchange')
type Carrier = IncomingMessage & { [EXCHANGE]?: Exchange }
const exchangeOf = (request: IncomingMessage): Exchange | undefined => (request as Carrier)[EXCHANGE]

/** Node's request options come with the target; the agent carries everything that concerns TLS. */
const router = (request: IncomingMessage, _response: unknown, options: Options): Options['target'] => {
  const exchange = exchangeOf(request)
  if (!exchange) return undefined
  const { agent, target } = exchange.instance
  const source = exchange.source()
  options.agent = agent
  // All that is asked of it is to be piped.
  if (source) options.buffer = source as Readable
  return { ...target, pathname: target.basePath + exchange.path }
}

/** `on` would be dropped together with the ejected plugins (pitfall H10), so the hooks are a plugin of their own. */
const hooks: Plugin = (proxy) => {
  proxy.on('proxyReq', (proxyRequest, request) => exchangeOf(request)?.connected(proxyRequest))
  proxy.on('proxyRes', (proxyResponse, request) => exchangeOf(request)?.answered(proxyResponse))
  proxy.on('error', (error, request) => {
    if (request) exchangeOf(request)?.failed(error)
  })
}

const middleware = createProxyMiddleware({
  router: router as NonNullable<Options['router']>,
  plugins: [hooks],
  /** The default plugins answer errors in their own words (pitfall E1) and cost a tenth of the time. */
  ejectPlugins: true,
  /** The target's path is the whole path, byte for byte as the caller wrote it. */
  ignorePath: true,
  selfHandleResponse: true,
  /** Whatever comes here is to be proxied. */
  pathFilter: () => true,
  ws: false,
})

/** Hands an exchange, or a further attempt of it, to the proxy. */
export function forward(exchange: Exchange): void {
  const request: Carrier = exchange.request
  request[EXCHANGE] = exchange
  // Nothing of it is used, but a path filter, even one that looks at nothing, has it parsed, which costs a lot and can
  // fail: while it is asked there is nothing to parse.
  const { url } = request
  request.url = ''
  void middleware(request, exchange.response)
  request.url = url
}
