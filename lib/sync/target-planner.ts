import type { JsonObject } from '../contract.ts'
import { ResourceException, toResourceException } from '../crest/errors.ts'
import type { NewRow } from '../repo/run-rows.ts'
import type { SeenObject } from '../repo/run-snapshot.ts'
import { ACTION_RULES } from './action.ts'
import type { PairLink } from './link-space.ts'
import { mapProperties } from './map-properties.ts'
import { idOf, type ObjectSet } from './object-set.ts'
import type { PlanParts } from './plan-parts.ts'
import { ontoTarget, type PlannedCase, planRow } from './plan-row.ts'
import { decide } from './policy.ts'
import { qualifications, targetValidity } from './qualification.ts'
import { assessTarget } from './situation.ts'
import { objectOf } from './targets.ts'

type Case = { -readonly [member in keyof PlannedCase]: PlannedCase[member] }

/** Decides about the targets that no source has led to, a window at a time. */
export class TargetPlanner {
  readonly #parts: PlanParts
  readonly #sources: ObjectSet

  /** @param sources for those that the source query did not bring */
  constructor(parts: PlanParts, sources: ObjectSet) {
    this.#parts = parts
    this.#sources = sources
  }

  async plan(objects: readonly SeenObject[]): Promise<NewRow[]> {
    const { mapping, scripts, isAnalysis } = this.#parts
    const cases = await this.#cases(objects)
    const verdicts = await targetValidity(
      mapping,
      cases.map(({ target, qualifier }) => ({ target: target ?? {}, linkQualifier: qualifier })),
      scripts,
    )
    await this.#readSources(cases.filter((_, index) => verdicts[index] === true))
    const linked = cases.filter(({ source }) => source !== null)
    const qualified = await qualifications(mapping, linked.map(taskOf), scripts)
    const qualifies = new Map(linked.map((one, index) => [one, qualified[index] ?? false] as const))
    for (const [index, one] of cases.entries())
      await this.#decide(one, verdicts[index] ?? false, qualifies.get(one) ?? false)
    await this.#map(cases.filter((one) => one.source && one.decision && ACTION_RULES[one.decision.action].maps))
    return cases.map((one) => planRow(mapping, one, isAnalysis))
  }

  async #cases(objects: readonly SeenObject[]): Promise<Case[]> {
    const { links, targets } = this.#parts
    const partial = objects.filter(({ isFull }) => !isFull).map(({ key }) => key)
    const whole = await targets.find(partial)
    const found = Map.groupBy(await links.byTargets(objects.map(({ key }) => key)), ({ targetKey }) => targetKey)
    return objects.flatMap((object) => {
      const target = whole.get(object.key) ?? object
      const own: (PairLink | null)[] = found.get(object.key) ?? [null]
      return own.map((link) => caseOf(target, link))
    })
  }

  /** Asks for each by id: a scan may have missed it. */
  async #readSources(cases: readonly Case[]): Promise<void> {
    const { links } = this.#parts
    const ids = cases.flatMap(({ link }) => link?.sourceKey ?? [])
    if (ids.length === 0) return
    const found = await this.#sources.byIds([...new Set(ids)], 'sourceObjectQuery')
    const byKey = new Map([...found.values()].map((source) => [links.sourceKey(idOf(source)), source] as const))
    for (const one of cases) one.source = byKey.get(one.link?.sourceKey ?? '') ?? null
  }

  async #decide(one: Case, valid: boolean | ResourceException, qualifies: boolean | ResourceException): Promise<void> {
    const { mapping, scripts, reconId } = this.#parts
    const failed = [valid, qualifies].find((verdict) => verdict instanceof ResourceException)
    if (failed instanceof ResourceException) {
      one.failure = failed
      return
    }
    const linked = one.link !== null
    const sourceExists = one.source !== null
    one.sourceId = one.source ? idOf(one.source) : (one.link?.sourceKey ?? null)
    one.assessment = assessTarget({
      valid: valid === true,
      linked,
      sourceExists,
      sourceQualifies: qualifies === true,
    })
    try {
      one.decision = await decide(
        mapping,
        {
          situation: one.assessment.situation,
          linkQualifier: one.qualifier,
          source: one.source,
          target: one.target,
          sourceAction: false,
          sourceId: one.sourceId,
          targetId: one.targetId,
          ambiguousTargetIds: null,
          reconId,
        },
        scripts,
      )
    } catch (error) {
      one.failure = toResourceException(error)
    }
  }

  async #map(cases: readonly Case[]): Promise<void> {
    const { mapping, scripts } = this.#parts
    const tasks = cases.map((one) => ({ ...taskOf(one), onto: ontoTarget(one.target) }))
    const mapped = tasks.length === 0 ? [] : await mapProperties(mapping.properties, tasks, scripts)
    for (const [index, one] of cases.entries()) one.mapped = mapped[index]
  }
}

const taskOf = ({ source, qualifier }: Case): { source: JsonObject; linkQualifier: string } => ({
  source: source ?? {},
  linkQualifier: qualifier,
})

const caseOf = (target: SeenObject, link: PairLink | null): Case => ({
  phase: 'target',
  qualifier: link?.qualifier ?? 'default',
  sourceId: null,
  source: null,
  targetId: idOf(target.object),
  targetKey: target.key,
  target: objectOf(target),
  link,
  ambiguous: null,
  assessment: undefined,
  decision: undefined,
  mapped: undefined,
  failure: undefined,
})
