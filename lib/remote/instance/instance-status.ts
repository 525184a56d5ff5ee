import { type Configured, fileFaults } from '../../config/files/configured-objects.ts'
import { describeFileFaults } from '../../config/files/fault.ts'
import type { ConfiguredEntry } from '../../core/configured-set.ts'
import { hideUserInfo } from '../../core/hidden-secrets.ts'
import type { LastError } from '../http/health.ts'
import type { Instance } from './instance.ts'

/**
 * READY: in force. FAILING: in force, and the last exchange failed. OUTDATED: the file has a fault, and the last good
 * properties are in force. INVALID: the file has a fault, and there are no good properties. DISABLED: `enabled` is false.
 */
export type InstanceState = 'READY' | 'FAILING' | 'OUTDATED' | 'INVALID' | 'DISABLED'

/** An instance in `GET /openidm/external/idm?_queryFilter=true`. Holds no secrets. */
export interface InstanceStatus {
  readonly name: string
  readonly enabled: boolean
  readonly authType: string | null
  readonly instanceUrl: string | null
  readonly state: InstanceState
  readonly lastError: LastError | null
  /** When the state began. */
  readonly since: Date
}

/** What the registry keeps of a file without a fault. */
export interface Settled {
  /** Absent when it is disabled. */
  readonly instance: Instance | undefined
  readonly notices: readonly string[]
}

export function statusOf(
  name: string,
  { value, good, faults, since, input }: ConfiguredEntry<Configured, Settled>,
): InstanceStatus {
  const instance = value?.instance
  const enabled = !good || instance !== undefined
  const isFailing = instance?.health.failing ?? false
  const state = stateOf(enabled, instance !== undefined, faults.length > 0, isFailing)
  const properties = instance?.properties
  const { content, raw = content } = good?.input.object ?? {}
  const fault = { message: describeFileFaults(fileFaults(input, faults)), time: since.toISOString() }
  return {
    name,
    enabled,
    authType: expressionIn(raw?.authType) ?? properties?.authType ?? textOf(content?.authType),
    instanceUrl: expressionIn(raw?.instanceUrl) ?? properties?.instanceUrl ?? textOf(content?.instanceUrl),
    state,
    lastError: faults.length > 0 ? fault : (instance?.health.lastError ?? null),
    since: state === 'FAILING' && instance ? instance.health.since : since,
  }
}

function stateOf(enabled: boolean, inForce: boolean, faulty: boolean, failing: boolean): InstanceState {
  if (faulty) return inForce ? 'OUTDATED' : 'INVALID'
  if (!enabled) return 'DISABLED'
  return failing ? 'FAILING' : 'READY'
}

/** A text with expressions as written: an expression may stand for a secret. */
const expressionIn = (value: unknown): string | null =>
  typeof value === 'string'
    ? value.includes('&{')
      ? hideUserInfo(value)
      : null
    : value === undefined
      ? null
      : JSON.stringify(value)

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null)
