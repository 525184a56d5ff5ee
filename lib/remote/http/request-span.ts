import { type ClientSpan, isTracing, startClientSpan } from '../../core/telemetry/tracing.ts'

/** What the span tells of the instance. */
interface Traced {
  readonly name: string
  readonly url: URL
}

/** Why a request is sent once more. */
export type Resend = 'token' | 'connection'

/**
 * Begins the span of one attempt. It holds no path: paths hold the names of people.
 * @param incoming the headers of the caller
 */
export function requestSpan(
  { name, url }: Traced,
  method = '',
  resend?: Resend,
  incoming?: object,
): ClientSpan | undefined {
  if (!isTracing()) return undefined
  const attributes = {
    'http.request.method': method,
    'server.address': url.hostname,
    'server.port': Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
    'openidm.instance': name,
    ...(resend && { 'http.request.resend_count': 1 }),
  }
  return startClientSpan(`${method} external/idm/${name}`, attributes, incoming)
}
