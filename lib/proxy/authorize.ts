import type { IncomingMessage } from 'node:http'
import { forbidden, type ResourceException, unauthorized } from '../crest/errors.ts'

/**
 * The decision of an application that mounts the router: true = allowed; 401 = not authenticated; false or 403 = not
 * allowed (docs/pitfalls.md#open-router).
 */
export type Verdict = boolean | 401 | 403
export type Authorize = (request: IncomingMessage) => Verdict | Promise<Verdict>

/** Methods that may change something. */
export const CHANGING: ReadonlySet<string | undefined> = new Set(['POST', 'PUT', 'PATCH', 'DELETE'])
const CREDENTIALS = ['authorization', 'x-openidm-username'] as const

/**
 * @returns a promise only when the verdict is one
 * @throws ResourceException 401 or 403
 */
export function authorizeRequest(request: IncomingMessage, authorize: Authorize): Promise<void> | undefined {
  guardForgery(request)
  const verdict = authorize(request)
  // Any thenable, not only a native promise.
  if (typeof verdict === 'object') return Promise.resolve(verdict).then(check)
  check(verdict)
  return undefined
}

function check(verdict: Verdict): void {
  if (verdict !== true) throw refusal(verdict)
}

const refusal = (verdict: Verdict): ResourceException =>
  verdict === 401 ? unauthorized('Access Denied') : forbidden('Access denied')

/** CSRF: a browser adds session cookies to forged requests, but no custom headers. */
function guardForgery({ method, headers }: IncomingMessage): void {
  if (!CHANGING.has(method) || headers.cookie === undefined) return
  if (headers['x-requested-with'] !== undefined) return
  if (CREDENTIALS.some((name) => headers[name] !== undefined)) return
  throw forbidden('Requests that change something with a session cookie must send X-Requested-With')
}
