import type { JsonObject } from '../../contract.ts'
import type { Row } from '../../repo/runs/run-row.ts'
import { hasEffect } from '../evaluate/difference.ts'
import type { Mapping, Policy } from '../mapping/mapping.ts'
import { isSituation, type Situation } from '../situation.ts'

const policy = (situation: Situation, action: Policy['action']): Policy => ({
  situation,
  action,
  condition: undefined,
  postAction: undefined,
})

/** Settings of a verification: pairs are compared, whatever the policies of the mapping say. */
export const VERIFYING: Partial<Mapping> = {
  policies: [
    policy('CONFIRMED', 'UPDATE'),
    policy('FOUND', 'UPDATE'),
    ...(['ABSENT', 'MISSING', 'UNQUALIFIED', 'UNASSIGNED', 'SOURCE_MISSING', 'AMBIGUOUS'] as const).map((situation) =>
      policy(situation, 'IGNORE'),
    ),
  ],
  runTargetPhase: true,
  allowEmptySourceSet: true,
}

/** What is counted in addition to sources and targets. */
const COUNTS = [
  'linked',
  'matching',
  'differing',
  'missingTargets',
  'unlinked',
  'unexpectedTargets',
  'ambiguous',
  'failed',
] as const

type Count = (typeof COUNTS)[number]

const MEANING: Readonly<Partial<Record<Situation, Count>>> = {
  FOUND: 'unlinked',
  ABSENT: 'missingTargets',
  MISSING: 'missingTargets',
  UNQUALIFIED: 'unexpectedTargets',
  UNASSIGNED: 'unexpectedTargets',
  SOURCE_MISSING: 'unexpectedTargets',
  AMBIGUOUS: 'ambiguous',
  FOUND_ALREADY_LINKED: 'ambiguous',
}

/** Counts differences between source and target. */
export class Verification {
  readonly #counts = new Map<Count, number>(COUNTS.map((name) => [name, 0]))
  readonly #fields = new Map<string, number>()

  count(row: Row): void {
    const { situation, status, action } = row
    if (status === 'FAILURE') this.#add('failed')
    if (status === 'FAILURE' || !isSituation(situation)) return
    const meaning = MEANING[situation]
    if (meaning) this.#add(meaning)
    if (situation === 'CONFIRMED') this.#add('linked')
    if (action === 'UPDATE') this.#compare(row)
  }

  /** @param totals of the run */
  toJSON(totals: { readonly sources: number | undefined; readonly targets: number | undefined }): JsonObject {
    const fields = [...this.#fields].sort(([a], [b]) => (a < b ? -1 : 1))
    const { sources = 0, targets = 0 } = totals
    return { sources, targets, ...Object.fromEntries(this.#counts), fields: Object.fromEntries(fields) }
  }

  /** A field that the target never shows cannot be compared. */
  #compare({ changes }: Row): void {
    const differing = (changes ?? []).filter((change) => change.unseen !== true && hasEffect(change))
    this.#add(differing.length === 0 ? 'matching' : 'differing')
    for (const { field } of differing) this.#fields.set(field, (this.#fields.get(field) ?? 0) + 1)
  }

  #add(name: Count): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
  }
}
