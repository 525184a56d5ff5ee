import type { JsonObject } from '../contract.ts'
import { ResourceException } from '../crest/errors.ts'
import type { NewRow } from '../repo/run-rows.ts'
import { lookups } from './correlation.ts'
import { mapProperties } from './map-properties.ts'
import { idOf } from './object-set.ts'
import { PlainProperties } from './plain-properties.ts'
import type { PlanParts } from './plan-parts.ts'
import { ontoTarget, planRow } from './plan-row.ts'
import { linkQualifiers, qualifications } from './qualification.ts'
import { isFine, isMapped, plannedCase, type SourceCase, sourceCase, taskOf } from './source-case.ts'
import { PLANNED_KEY, SourceDecisions } from './source-decisions.ts'

/** Decides about sources, a page at a time, in their order. */
export class SourcePlanner {
  readonly #parts: PlanParts
  readonly #decisions: SourceDecisions
  readonly #plain: PlainProperties | undefined

  constructor(parts: PlanParts) {
    this.#parts = parts
    this.#decisions = new SourceDecisions(parts)
    this.#plain = PlainProperties.of(parts.mapping)
  }

  /** @param sources whole objects */
  async plan(sources: readonly JsonObject[], only?: string): Promise<NewRow[]> {
    const cases = (await this.#cases(sources)).filter(({ qualifier }) => only === undefined || qualifier === only)
    await this.#qualify(cases.filter(isFine))
    await this.#followLinks(cases)
    await this.#correlate(cases.filter((one) => isFine(one) && !one.link))
    if (this.#parts.plansCreations)
      await this.#map(cases.filter((one) => isFine(one) && one.qualifies && !one.link && one.candidates.length === 0))
    await this.#decisions.decide(cases)
    await this.#map(cases.filter((one) => isFine(one) && isMapped(one)))
    await this.#touch(cases)
    return cases.map((one) => planRow(this.#parts.mapping, plannedCase(one), this.#parts.isAnalysis))
  }

  async #cases(sources: readonly JsonObject[]): Promise<SourceCase[]> {
    const { mapping, scripts, links } = this.#parts
    const qualifiers = await linkQualifiers(mapping, sources, scripts)
    return sources.flatMap((source, index) => {
      const key = links.sourceKey(idOf(source))
      const names = qualifiers[index] ?? []
      if (names instanceof ResourceException) return [{ ...sourceCase(source, key, 'default'), failure: names }]
      return names.map((qualifier) => sourceCase(source, key, qualifier))
    })
  }

  async #qualify(cases: readonly SourceCase[]): Promise<void> {
    const { mapping, scripts } = this.#parts
    const verdicts = await qualifications(mapping, cases.map(taskOf), scripts)
    for (const [index, one] of cases.entries()) {
      const verdict = verdicts[index] ?? false
      if (verdict instanceof ResourceException) one.failure = verdict
      else one.qualifies = verdict
    }
  }

  async #followLinks(cases: readonly SourceCase[]): Promise<void> {
    const followed = await this.#parts.targets.follow([...new Set(cases.map(({ sourceKey }) => sourceKey))])
    const byPlace = new Map(followed.map((one) => [placeOf(one.link.sourceKey, one.link.qualifier), one] as const))
    for (const one of cases) {
      const found = byPlace.get(placeOf(one.sourceKey, one.qualifier))
      if (!found) continue
      one.link = found.link
      one.targetKey = found.link.targetKey
      one.seen = found.seen
      one.target = found.seen?.object ?? null
    }
  }

  async #correlate(cases: readonly SourceCase[]): Promise<void> {
    const { mapping, scripts, targets } = this.#parts
    if (!this.#parts.correlates || cases.length === 0) return
    const found = await lookups(mapping, cases.map(taskOf), scripts)
    const candidates = await targets.correlate(found)
    for (const [index, one] of cases.entries()) {
      const keys = candidates[index] ?? []
      one.lookup = found[index] ?? one.lookup
      if (keys instanceof ResourceException) one.failure = keys
      else one.candidates = keys
    }
    await this.#meetCandidates(cases.filter(({ candidates }) => candidates.length === 1))
  }

  /** @param cases with one candidate each */
  async #meetCandidates(cases: readonly SourceCase[]): Promise<void> {
    const { links, rows, targets } = this.#parts
    const keys = cases.flatMap(({ candidates }) => candidates)
    const objects = await targets.find(keys)
    const owned = new Set((await links.byTargets(keys)).map((link) => placeOf(link.targetKey, link.qualifier)))
    const claims = Map.groupBy(await rows.claimed(keys), ({ target, qualifier }) => placeOf(target, qualifier))
    for (const one of cases) {
      const [key = ''] = one.candidates
      const place = placeOf(key, one.qualifier)
      one.seen = objects.get(key)
      if (one.seen && !one.seen.isPlanned) one.target = one.seen.object
      one.targetKey = key
      one.taken = owned.has(place) || (claims.get(place) ?? []).some(({ source }) => source !== one.sourceId)
    }
  }

  async #map(cases: readonly SourceCase[]): Promise<void> {
    const { mapping, scripts } = this.#parts
    for (const one of cases)
      if (one.target && one.decision?.action === 'UPDATE')
        one.isSame = this.#plain?.leaves(one.target, one.source) ?? false
    const open = cases.filter((one) => one.mapped === undefined && !one.isSame && !this.#isMappedLater(one))
    if (open.length === 0) return
    const onto = (one: SourceCase) => ontoTarget(one.decision?.action === 'UPDATE' ? one.target : null)
    const plain = this.#plain
    const mapped = plain
      ? open.map((one) => plain.map(one.source, onto(one)))
      : await mapProperties(
          mapping.properties,
          open.map((one) => ({ ...taskOf(one), onto: onto(one) })),
          scripts,
        )
    for (const [index, one] of open.entries()) one.mapped = mapped[index]
  }

  /** When it is carried out it is mapped in any case, and nobody wants to see it before. */
  #isMappedLater({ decision }: SourceCase): boolean {
    const { plansCreations, isAnalysis } = this.#parts
    return this.#plain !== undefined && decision?.action === 'CREATE' && !plansCreations && !isAnalysis
  }

  async #touch(cases: readonly SourceCase[]): Promise<void> {
    await this.#parts.targets.touch(
      cases.flatMap(({ targetKey: key, seen }) =>
        key === null || key.startsWith(PLANNED_KEY) ? [] : [{ key, seen: seen?.key === key ? seen : undefined }],
      ),
    )
  }
}

const placeOf = (key: string, qualifier: string): string => `${qualifier}\u0000${key}`
