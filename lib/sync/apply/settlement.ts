import type { JsonObject } from '../../contract.ts'
import type { Row } from '../../repo/runs/run-row.ts'
import { isEmpty, isSame } from '../evaluate/difference.ts'

/** What is known, after a crash, of a row with an intent. */
export interface SettlementFacts {
  /** The source is linked by now. */
  readonly isLinked: boolean
  /** The target: of a creation the one with the chosen id; null = it does not exist. */
  readonly target: JsonObject | null
  /** What a creation sends; undefined = not known. */
  readonly sent: JsonObject | undefined
  /** How many free targets correlate; undefined = the mapping does not correlate. */
  readonly candidates: number | undefined
}

/** `done`: it was carried out. `planned`: it was not, or can be repeated. `unknown`: neither can be said. */
export type Settled = 'done' | 'planned' | 'unknown'

/** What became of a row whose outcome was not stored. */
export function settle({ action, intent }: Row, facts: SettlementFacts): Settled {
  const { isLinked, target, sent, candidates } = facts
  if (action === 'CREATE' && isLinked) return 'done'
  switch (intent?.kind) {
    case 'id':
      return target ? 'done' : 'planned'
    case 'mapped':
      return target && sent && holds(target, sent) ? 'done' : 'planned'
    // Without an object of its id, a target that keeps none may have created it all the same: `Creator` decides.
    case 'probe':
      return target || candidates === 1 ? 'done' : 'planned'
    case 'mappedProbe':
      return (target ? sent && holds(target, sent) : candidates === 1) ? 'done' : 'planned'
    case 'assigned':
      if (candidates === undefined) return 'unknown'
      return candidates === 1 ? 'done' : 'planned'
    case 'scripts':
      // The writes of scripts come before the creation.
      return action === 'CREATE' && target && intent.id !== null ? 'done' : 'unknown'
    default:
      return action === 'DELETE' && !target ? 'done' : 'planned'
  }
}

/** Whether an object shows what was sent, as far as it shows these fields at all. */
export const holds = (object: JsonObject, sent: JsonObject): boolean =>
  Object.entries(sent).every(
    ([name, value]) => name === '_id' || isEmpty(object[name] ?? null) || isSame(object[name] ?? null, value),
  )
