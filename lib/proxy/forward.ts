/**
 * The single http-proxy-middleware of this process: each one leaves a listener on the server for good
 * (docs/pitfalls.md#listener-leak). It holds no settings: everything specific to a request comes with its attempt.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Options, Plugin } from 'http-proxy-middleware'
import { requireQuietly } from '../core/quiet-require.ts'
import type { Attempt } from './attempt.ts'

const { createProxyMiddleware } = requireQuietly('http-proxy-middleware') as typeof import('http-proxy-middleware')

/** `forward` passes nothing else to the middleware. */
const attemptOf = (request: IncomingMessage): Attempt => request as unknown as Attempt

/** The target holds Node's request options; the agent holds the TLS options. */
const router = (request: IncomingMessage, _response: unknown, options: Options): Options['target'] => {
  const { exchange } = attemptOf(request)
  const { agent, target } = exchange.instance
  options.agent = agent
  // Only `pipe` is called.
  options.buffer = exchange.source() as Readable
  return { ...target, pathname: target.basePath + exchange.path }
}

/**
 * The `on` option is dropped together with the ejected plugins (docs/pitfalls.md#dropped-hooks), so the hooks are a
 * plugin.
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
   * The default plugins write error pages of their own (docs/pitfalls.md#library-error-pages) and take a tenth of the
   * time.
   */
  ejectPlugins: true,
  /** The path of the target is the whole path, byte for byte as the caller wrote it. */
  ignorePath: true,
  selfHandleResponse: true,
  /** Every attempt is proxied. */
  pathFilter: () => true,
  ws: false,
})

/** Passes an attempt to the middleware in place of request and response. */
export function forward(attempt: Attempt): void {
  const stand = attempt as unknown as IncomingMessage & ServerResponse
  // Failures before the request is created are reported to `next` only.
  middleware(stand, stand, (error) => attempt.failed(error)).catch((error: unknown) => attempt.failed(error))
}
