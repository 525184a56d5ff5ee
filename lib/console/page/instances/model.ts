import { call } from '../api.ts'
import type { Tone } from '../ui/parts.tsx'

export interface Status {
  readonly _id: string
  readonly enabled: boolean
  readonly authType: string | null
  readonly instanceUrl: string | null
  readonly state: 'UNTRIED' | 'READY' | 'FAILING' | 'OUTDATED' | 'INVALID' | 'DISABLED'
  readonly lastError: { readonly message: string; readonly time: string } | null
  readonly since: string
}

export const STATES: Readonly<Record<Status['state'], readonly [text: string, tone: Tone, meaning: string]>> = {
  READY: ['ready', 'good', 'The last exchange succeeded.'],
  UNTRIED: ['untried', 'plain', 'Nothing was sent to it yet.'],
  FAILING: ['failing', 'bad', 'The last exchange failed.'],
  OUTDATED: ['outdated', 'warn', 'Its file has a fault; the last good version is in force.'],
  INVALID: ['invalid', 'bad', 'Its file has a fault, and nothing is in force.'],
  DISABLED: ['disabled', 'plain', 'It is switched off.'],
}

/** Of one instance since the gateway started. */
export interface Traffic {
  readonly requests: number
  readonly seconds: number
  readonly inFlight: number
  /** `performance.now()` of the reading. */
  readonly at: number
}

const PREFIX = 'openidm_external_idm_'
const LINE = /^openidm_external_idm_(request_seconds_count|request_seconds_sum|requests_in_flight)\{([^}]*)\} (\S+)$/
const MEMBERS = {
  request_seconds_count: 'requests',
  request_seconds_sum: 'seconds',
  requests_in_flight: 'inFlight',
} as const

/**
 * The metrics of these instances, summed up for each: of thousands, those on the screen.
 * @throws ApiError also where a host has none
 */
export async function loadTraffic(
  names: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Traffic>> {
  const asked = new URLSearchParams([
    ...Object.keys(MEMBERS).map((name) => ['name[]', PREFIX + name]),
    ...names.map((name) => ['remote[]', name]),
  ])
  const page = await call<string>('GET', `metrics/prometheus?${asked}`, { signal, as: 'text' })
  const found = new Map<string, Traffic>()
  for (const line of page.split('\n')) {
    const [, metric, labels = '', value] = LINE.exec(line) ?? []
    const remote = /remote="([^"]*)"/.exec(labels)?.[1]
    if (metric === undefined || remote === undefined) continue
    const traffic = found.get(remote) ?? { requests: 0, seconds: 0, inFlight: 0, at: performance.now() }
    const member = MEMBERS[metric as keyof typeof MEMBERS]
    found.set(remote, { ...traffic, [member]: traffic[member] + Number(value) })
  }
  return found
}

/** Rate and mean latency between two readings; of all time where there is no earlier one. */
export function trafficText(now: Traffic | undefined, before: Traffic | undefined): { rate: string; latency: string } {
  if (!now) return { rate: '–', latency: '–' }
  const since = before && now.requests > before.requests ? before : undefined
  const requests = now.requests - (since?.requests ?? 0)
  const seconds = now.seconds - (since?.seconds ?? 0)
  const elapsed = before ? (now.at - before.at) / 1000 : 0
  const rate =
    before && elapsed > 0 ? `${((now.requests - before.requests) / elapsed).toFixed(1)}/s` : `${now.requests} in all`
  return { rate, latency: requests === 0 ? '–' : `${Math.round((seconds * 1000) / requests)} ms` }
}
