/**
 * The one http-proxy-middleware of this process (docs/pitfalls.md#listener-leak: each one leaves a listener at the
 * server for ever). It holds no settings: what is particular to a request comes with its attempt.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Options, Plugin } from 'http-proxy-middleware'
import { requireQuietly } from '../core/quiet-require.ts'
import type { Attempt } from './attempt.ts'

const { createProxyMiddleware } = requireQuietly('http-proxy-middleware') as typeof import('http-proxy-middleware')

/** Nothing else is handed to the middleware: see `forward`. */
const attemptOf = (request: IncomingMessage): Attempt => request as unknown as Attempt

/** Node's request options come with the target; the agent carries everything that concerns TLS. */
const router = (request: IncomingMessage, _response: unknown, options: Options): Options['target'] => {
  const { exchange } = attemptOf(request)
  const { agent, target } = exchange.instance
  options.agent = agent
  // All that is asked of it is to be piped.
  options.buffer = exchange.source() as Readable
  return { ...target, pathname: target.basePath + exchange.path }
}

/**
 * `on` would be dropped together with the ejected plugins (docs/pitfalls.md#dropped-hooks), so the hooks are a plugin
 * of their own.
 */
const hooks: Plugin = (proxy) => {
  proxy.on('proxyReq', (proxyRequest, request) => attemptOf(request).connected(proxyRequest))
  proxy.on('proxyRes', (proxyResponse, request) => attemptOf(request).answered(proxyResponse))
  proxy.on('error', (error, request) => attemptOf(request as IncomingMessage).failed(error))
}

const middleware = createProxyMiddleware({
  router: router as NonNullable<Options['router']>,
  plugins: [hooks],
  /**
   * The default plugins answer errors in their own words (docs/pitfalls.md#library-error-pages) and cost a tenth of the
   * time.
   */
  ejectPlugins: true,
  /** The target's path is the whole path, byte for byte as the caller wrote it. */
  ignorePath: true,
  selfHandleResponse: true,
  /** Whatever comes here is to be proxied. */
  pathFilter: () => true,
  ws: false,
})

/** Hands an attempt to the proxy, in place of the request and the response. */
export function forward(attempt: Attempt): void {
  const stand = attempt as unknown as IncomingMessage & ServerResponse
  // What fails before the request is made is told to `next` alone.
  middleware(stand, stand, (error) => attempt.failed(error)).catch((error: unknown) => attempt.failed(error))
}
