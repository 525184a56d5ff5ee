import { hostNameOf } from '../http/agent.ts'

/** Where requests of an instance go, in the parts that Node's http wants. */
export interface Target {
  readonly protocol: string
  /** For the Host header: with the port unless it is the scheme's own. */
  readonly host: string
  /** For the connection: without brackets. */
  readonly hostname: string
  readonly port: string
  /** Begins and ends with `/`. */
  readonly basePath: string
}

export function targetOf(url: URL): Target {
  const { protocol, host, pathname } = url
  return {
    protocol,
    host,
    hostname: hostNameOf(url),
    port: url.port || (protocol === 'https:' ? '443' : '80'),
    basePath: pathname,
  }
}
