import type { JsonObject } from '../../contract.ts'
import { getAt, parsePointer } from '../../crest/pointer.ts'
import type { Row } from '../../repo/runs/run-row.ts'
import { isEmpty } from '../evaluate/difference.ts'
import { isPrefix } from '../evaluate/mapper.ts'
import type { Limit } from '../mapping/limit.ts'
import type { Mapping, Property } from '../mapping/mapping.ts'

const DEFAULT_SHARE = 0.1
/** Fewer deletions stop a run only when they are more than half of the targets. */
const MIN_NOTABLE_DELETES = 20
/** With fewer targets, deleting half of them is not suspicious. */
const MIN_NOTABLE_TARGETS = 5
/** A run with fewer sources is not stopped because of cleared fields. */
const MIN_NOTABLE_SOURCES = 10

const allowedBy = (limit: Limit, targets: number): number =>
  'count' in limit ? limit.count : Math.floor(limit.share * targets)

const printed = (limit: Limit): string =>
  'count' in limit ? `${limit.count}` : `${Math.round(limit.share * 1000) / 10} %`

/** Max deletions that need no consent. @param limit undefined = the default */
function allowedDeletes(targets: number, limit: Limit | undefined): number {
  return limit ? allowedBy(limit, targets) : Math.max(Math.floor(DEFAULT_SHARE * targets), MIN_NOTABLE_DELETES - 1)
}

/** Max deletions of implicit synchronization within an hour, by the rule of `deleteFault`, and how the limit is printed. */
export function hourlyDeletes(targets: number, limit: Limit | undefined): { allowed: number; printed: string } {
  const allowed = allowedDeletes(targets, limit)
  const half = !limit && targets >= MIN_NOTABLE_TARGETS ? Math.floor(targets / 2) : allowed
  if (half < allowed) return { allowed: half, printed: 'half of them by default' }
  return { allowed, printed: printed(limit ?? { share: DEFAULT_SHARE }) }
}

/** Why a run with this number of deletions is stopped; undefined when it is not. @param limit undefined = the default */
export function deleteFault(planned: number, targets: number, limit: Limit | undefined): string | undefined {
  const what = `It would delete ${planned} of ${targets} targets`
  if (planned > allowedDeletes(targets, limit))
    return `${what}, more than maxDeletes (${printed(limit ?? { share: DEFAULT_SHARE })}) allows`
  if (!limit && targets >= MIN_NOTABLE_TARGETS && planned > targets / 2)
    return `${what}, more than half: set maxDeletes if that is intended`
  return undefined
}

/** Counts the fields that a run would clear, and detects those that no source of the run has. */
export class ClearedFields {
  /** Properties that no source has had a value for so far. */
  readonly #unsupplied: Set<Property>
  readonly #counts = new Map<string, number>()

  constructor({ properties }: Pick<Mapping, 'properties'>) {
    // Objects do not show edges that are queried page by page.
    const shown = properties.filter(({ relationship }) => relationship?.paged !== true)
    this.#unsupplied = new Set(shown.filter(({ source }) => source !== undefined && source.length > 0))
  }

  see(sources: readonly JsonObject[]): void {
    for (const property of this.#unsupplied) {
      const { source = [] } = property
      if (sources.some((object) => !isEmpty(getAt(object, source) ?? null))) this.#unsupplied.delete(property)
    }
  }

  /** Counts the fields that a row clears: those that the target has a value for. */
  count({ changes }: Row): void {
    for (const { field, from, to, edges, kept } of changes ?? [])
      if (!kept && isEmpty(to) && !isEmpty(from) && !(edges && edges.kept > 0))
        this.#counts.set(field, (this.#counts.get(field) ?? 0) + 1)
  }

  /** In how many targets each field would be cleared. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts)
  }

  /** The fields that would be cleared and that no source has a value for. */
  get unsupplied(): string[] {
    const targets = [...this.#unsupplied].map(({ target }) => target)
    return [...this.#counts.keys()].filter((field) => targets.some((target) => isPrefix(target, parsePointer(field))))
  }

  /**
   * Why the run is stopped; undefined when it is not.
   * @param unsupplied of the run that made the plan, where that is another one
   */
  fault(
    { sources, targets, unsupplied = this.unsupplied, earlier = {} }: ClearedFacts,
    limit: Limit | undefined,
  ): string | undefined {
    if (!limit && sources < MIN_NOTABLE_SOURCES) return undefined
    for (const [field, own] of this.#counts) {
      const count = own + (earlier[field] ?? 0)
      const what = `It would clear ${field} in ${count} of ${targets} targets`
      const isUnsupplied = !limit && unsupplied.includes(field)
      if (isUnsupplied) return `${what}, and no source has a value for it: set maxClears if that is intended`
      if (count > allowedBy(limit ?? { share: DEFAULT_SHARE }, targets))
        return `${what}, more than maxClears (${printed(limit ?? { share: DEFAULT_SHARE })}) allows`
    }
    return undefined
  }
}

export interface ClearedFacts {
  readonly sources: number
  readonly targets: number
  readonly unsupplied?: readonly string[] | undefined
  /** What earlier parts of the same plan have cleared. */
  readonly earlier?: Readonly<Record<string, number>> | undefined
}
