import type { JsonObject } from '../contract.ts'
import { conflict, toResourceException } from '../crest/errors.ts'
import { ACTION_RULES } from './action.ts'
import { PageClaims } from './page-claims.ts'
import type { PlanParts } from './plan-parts.ts'
import { type Decision, decide } from './policy.ts'
import { assessSource, DEFAULT_ACTIONS, type Situation } from './situation.ts'
import { isFine, type SourceCase, targetIdOf } from './source-case.ts'

interface PlannedTarget {
  readonly key: string
  readonly content: JsonObject
}

/** Decides about sources in their order: what one of them takes or will create, those behind it find taken. */
export class SourceDecisions {
  readonly #parts: PlanParts
  #created = 0

  constructor(parts: PlanParts) {
    this.#parts = parts
  }

  /** Decides about one page. */
  async decide(cases: readonly SourceCase[]): Promise<void> {
    const claims = new PageClaims(cases.flatMap(({ lookup }) => (lookup.kind === 'filter' ? [lookup.filter] : [])))
    const planned: PlannedTarget[] = []
    for (const one of cases) {
      if (!isFine(one)) continue
      meetEarlier(one, claims)
      const decision = this.#assess(one)
      // Nothing is waited for where nothing runs: a turn for each object adds up.
      if (decision) one.decision = decision
      else await this.#judge(one)
      this.#claim(one, claims, planned)
    }
    if (planned.length > 0) await this.#parts.targets.plan(planned)
  }

  /** @returns the decision when no policy has a say in it */
  #assess(one: SourceCase): Decision | undefined {
    const targets = one.link ? Number(one.target !== null) : one.candidates.length
    one.assessment = assessSource({ qualifies: one.qualifies, linked: one.link !== null, targets, taken: one.taken })
    const { situation } = one.assessment
    const decision = this.#byDefault(situation)
    if (decision?.action === 'DELETE' && one.taken) one.failure = conflict(TAKEN)
    return decision
  }

  #byDefault(situation: Situation): Decision | undefined {
    if (this.#parts.mapping.policies.some((policy) => policy.situation === situation)) return undefined
    return { action: DEFAULT_ACTIONS[situation], policy: undefined }
  }

  async #judge(one: SourceCase): Promise<void> {
    const { mapping, scripts, reconId } = this.#parts
    if (!one.assessment) return
    const facts = {
      situation: one.assessment.situation,
      linkQualifier: one.qualifier,
      source: one.source,
      target: one.target,
      sourceAction: true,
      sourceId: one.sourceId,
      targetId: targetIdOf(one),
      ambiguousTargetIds: one.candidates.length > 1 ? one.candidates : null,
      reconId,
    }
    try {
      one.decision = await decide(mapping, facts, scripts)
      if (one.decision.action === 'DELETE' && one.taken) one.failure = conflict(TAKEN)
    } catch (error) {
      one.failure = toResourceException(error)
    }
  }

  #claim(one: SourceCase, claims: PageClaims, planned: PlannedTarget[]): void {
    if (one.failure || !one.decision || !ACTION_RULES[one.decision.action].links) return
    if (one.decision.action === 'CREATE') planned.push(...this.#create(one, claims))
    // What is linked already, everybody sees.
    if (one.targetKey !== null && !one.link) claims.claim(one.targetKey, one.qualifier, one.sourceId)
  }

  /** Stands for the target that will be there. */
  #create(one: SourceCase, claims: PageClaims): PlannedTarget[] {
    if (one.link || one.candidates.length > 0 || !this.#parts.mapping.enableLinking) return []
    if (!this.#parts.plansCreations || !isContent(one.mapped)) return []
    this.#created += 1
    one.targetKey = `${PLANNED_KEY}${this.#created}/${one.sourceKey}/${one.qualifier}`
    claims.create(one.targetKey, one.mapped)
    return [{ key: one.targetKey, content: one.mapped }]
  }
}

/** With it begin the keys of targets that are not there yet. */
export const PLANNED_KEY = '\u0001'

/** The vendor would delete it under the feet of its own source. */
const TAKEN =
  'The source does not qualify, but the target that correlates with it is linked to another source: not deleted'

const isContent = (mapped: SourceCase['mapped']): mapped is JsonObject =>
  mapped !== undefined && !(mapped instanceof Error)

function meetEarlier(one: SourceCase, claims: PageClaims): void {
  if (one.link) return
  if (one.lookup.kind === 'filter') {
    const keys = claims.matching(one.lookup.filter)
    if (keys.length > 0) {
      one.candidates = [...one.candidates, ...keys]
      if (one.candidates.length === 1) one.targetKey = one.candidates[0] ?? null
    }
  }
  if (one.candidates.length > 1) {
    one.target = null
    one.targetKey = null
  } else if (one.targetKey !== null && claims.isTaken(one.targetKey, one.qualifier, one.sourceId)) one.taken = true
}
