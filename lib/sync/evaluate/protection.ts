import type { Row } from '../../repo/runs/run-row.ts'
import { ACTION_RULES, isAction } from '../action.ts'
import { isPlannedKey } from './targets.ts'

/** What the row of a source means for targets that are evaluated after it. */
export interface Protection {
  /** The keys of the targets that the row refers to: the target phase skips them. */
  readonly targets: readonly string[]
  /** The source failed before its counterpart was known: it may be any target. */
  readonly defers: boolean
}

/** Keeps targets that a source refers to, or may belong to, from being deleted. */
export function protectionOf({ targetKey, link, ambiguous, status, situation }: Row): Protection {
  const named = [targetKey ?? link?.targetKey ?? '', ...(ambiguous ?? [])]
  const targets = named.filter((key) => key !== '' && !isPlannedKey(key))
  return { targets, defers: status === 'FAILURE' && situation === '' && link === null }
}

/** Whether a row of the target phase has to wait until every source is assessed. */
export const isDestructive = ({ status, action }: Row): boolean =>
  status === null && isAction(action) && ACTION_RULES[action].destroys

/** Ids of sources in a message. */
const MAX_NAMED = 10

/** The sources of a run that could not be assessed. */
export class Unassessed {
  readonly #named: string[] = []
  #count = 0

  note({ sourceId, reason }: Row): void {
    this.#count += 1
    if (this.#named.length < MAX_NAMED) this.#named.push(sourceId ?? `(${reason})`)
  }

  get count(): number {
    return this.#count
  }

  /** For a message: `a, b and 3 more`. */
  toString(): string {
    const rest = this.#count - this.#named.length
    return rest > 0 ? `${this.#named.join(', ')} and ${rest} more` : this.#named.join(', ')
  }
}
