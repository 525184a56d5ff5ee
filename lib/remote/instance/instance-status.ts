import { type Configured, fileFaults } from '../../config/files/configured-objects.ts'
import { describeFileFaults } from '../../config/files/fault.ts'
import type { ConfiguredEntry } from '../../core/configured-set.ts'
import { hideUserInfo } from '../../core/hidden-secrets.ts'
import type { LastError } from '../http/health.ts'
import type { Instance } from './instance.ts'

/**
 * UNTRIED: in force, and there was no exchange yet. READY: in force, and the last exchange succeeded. FAILING: in force,
 * and the last exchange failed. OUTDATED: the file has a fault, and the last good
 * properties are in force. INVALID: the file has a fault, and there are no good properties. DISABLED: `enabled` is false.
 */
export type InstanceState = 'UNTRIED' | 'READY' | 'FAILING' | 'OUTDATED' | 'INVALID' | 'DISABLED'

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
  const isFaulty = faults.length > 0
  const state = stateOf(enabled, instance, isFaulty)
  const properties = instance?.properties
  const { content, raw = content } = good?.input.object ?? {}
  const fault = { message: describeFileFaults(fileFaults(input, faults)), time: since.toISOString() }
  return {
    name,
    enabled,
    authType: expressionIn(raw?.authType) ?? properties?.authType ?? textOf(content?.authType),
    instanceUrl: expressionIn(raw?.instanceUrl) ?? properties?.instanceUrl ?? textOf(content?.instanceUrl),
    state,
    lastError: isFaulty ? fault : (instance?.health.lastError ?? null),
    since: !isFaulty && instance && instance.health.since > since ? instance.health.since : since,
  }
}

function stateOf(enabled: boolean, instance: Instance | undefined, faulty: boolean): InstanceState {
  if (faulty) return instance ? 'OUTDATED' : 'INVALID'
  if (!enabled || !instance) return 'DISABLED'
  if (instance.health.untried) return 'UNTRIED'
  return instance.health.failing ? 'FAILING' : 'READY'
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
