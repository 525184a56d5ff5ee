import type { JsonObject } from '../../contract.ts'
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

/** What the registry keeps for one name. */
export interface Entry {
  readonly content: JsonObject | undefined
  /** The content as written in the file, with its expressions. */
  readonly raw: JsonObject | undefined
  readonly instance: Instance | undefined
  readonly enabled: boolean
  /** The fault of the file. */
  readonly fault: LastError | undefined
  readonly since: Date
}

export function statusOf(
  name: string,
  { instance, enabled, fault, since, content, raw = content }: Entry,
): InstanceStatus {
  const failing = instance?.health.failing ?? false
  const state = stateOf(enabled, instance !== undefined, fault !== undefined, failing)
  const properties = instance?.properties
  return {
    name,
    enabled,
    authType: expressionIn(raw?.authType) ?? properties?.authType ?? textOf(content?.authType),
    instanceUrl: expressionIn(raw?.instanceUrl) ?? properties?.instanceUrl ?? textOf(content?.instanceUrl),
    state,
    lastError: fault ?? instance?.health.lastError ?? null,
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
