/** The forward proxy of an instance (`proxy` in its file), as Node's agents and undici want it told. */

import type { InstanceProperties } from '../properties/properties.ts'
import { type FaultName, faultOf } from './fault.ts'

type Proxied = Pick<InstanceProperties, 'proxy'>

/** For `proxyEnv` of Node's agents: whatever the environment of the process says is of no account. */
export function proxyEnvironment({ proxy }: Proxied): Record<string, string> | undefined {
  if (!proxy) return undefined
  const url = new URL(proxy.proxyUri)
  url.username = encodeURIComponent(proxy.userName ?? '')
  url.password = encodeURIComponent(proxy.password?.reveal() ?? '')
  return { HTTP_PROXY: url.href, HTTPS_PROXY: url.href }
}

/** The value of `Proxy-Authorization`; undefined when the proxy wants none. */
export function proxyAuthorization({ proxy }: Proxied): string | undefined {
  if (proxy?.userName === undefined) return undefined
  return `Basic ${Buffer.from(`${proxy.userName}:${proxy.password?.reveal() ?? ''}`, 'utf8').toString('base64')}`
}

/** Faults of a connection that was never made: behind a forward proxy it is the proxy that was connected to. */
const CONNECTING: ReadonlySet<FaultName> = new Set(['nameResolution', 'refused', 'unreachable'])

/** The kind of fault behind an error of an exchange of this instance. */
export function faultBehind({ proxy }: Proxied, error: unknown): FaultName {
  const fault = faultOf(error)
  return proxy && CONNECTING.has(fault) ? 'forwardProxy' : fault
}
