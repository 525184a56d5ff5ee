/** What of a mapping happens by itself, and what is said of one that waits to be accepted. */
import type { JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { ConfiguredMapping } from './entries.ts'

/** What carries changes over without anybody asking for it. */
export const LIVENESS = ['changes', 'captured', 'swept'] as const
export type Liveness = (typeof LIVENESS)[number]

const isOn = (value: unknown): boolean => value === true || value === 'true'
const isOff = (value: unknown): boolean => value === false || value === 'false'
/** An expression, whose value is not known here. */
const isOpen = (value: unknown): boolean => typeof value === 'string' && value.includes('&{')

/**
 * How a mapping as written carries changes over by itself. Where an expression decides, it does.
 * @returns empty when somebody has to reconcile it
 */
export function livenessOf({
  source,
  enableSync,
  requireApproval,
  captureChanges,
  incremental,
}: JsonObject): Liveness[] {
  if (isOn(requireApproval)) return []
  const isLocal = typeof source === 'string' && (/^\/*managed\//.test(source) || isOpen(source))
  const found: Liveness[] = []
  if (isLocal && !isOff(enableSync)) found.push('changes')
  if ((isOn(captureChanges) || isOpen(captureChanges)) && !isOff(enableSync)) found.push('captured')
  if (isObject(incremental) && typeof incremental.sweep === 'string') found.push('swept')
  return found
}

const WHEN: Readonly<Record<Liveness, string>> = {
  changes: 'as they happen',
  captured: 'as they pass through this gateway',
  swept: 'on its own schedule',
}

/** When changes are carried over: `as they happen and on its own schedule`; empty when somebody has to reconcile it. */
export const liveTiming = (config: JsonObject): string =>
  livenessOf(config)
    .map((one) => WHEN[one])
    .join(' and ')

/** How a held mapping or schedule is accepted. */
export const HELD_CURE =
  'look at its plan (recon NAME --dry-run), then accept it: doctor --accept, or "live": true in gateway.json'

/** What a mapping would do by itself that is held; nothing of one that is not. */
export function heldNotice({ mapping, config }: ConfiguredMapping, isHeld: (name: string) => boolean) {
  const when = liveTiming(config)
  if (when === '' || !isHeld(mapping.name)) return []
  const reason = `it is held: it would carry changes of ${mapping.source} over to ${mapping.target} ${when}`
  return [{ reason, cure: HELD_CURE }]
}
