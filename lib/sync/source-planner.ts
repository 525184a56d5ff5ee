import type { JsonObject } from '../contract.ts'
import { conflict, ResourceException, toResourceException } from '../crest/errors.ts'
import type { NewRow, RunRows } from '../repo/run-rows.ts'
import { ACTION_RULES } from './action.ts'
import { correlates, type Lookup, lookups } from './correlation.ts'
import type { LinkSpace, PairLink } from './link-space.ts'
import { mapProperties } from './map-properties.ts'
import type { Mapping } from './mapping.ts'
import { idOf } from './object-set.ts'
import { PageClaims } from './page-claims.ts'
import { ontoTarget, type PlannedCase, planRow } from './plan-row.ts'
import { type Decision, decide } from './policy.ts'
import { linkQualifiers, qualifications } from './qualification.ts'
import type { Scripts } from './scripts.ts'
import { type Assessment, assessSource } from './situation.ts'
import { objectOf, type Targets } from './targets.ts'

export interface PlanParts {
  readonly mapping: Mapping
  readonly links: LinkSpace
  readonly scripts: Scripts
  readonly targets: Targets
  readonly rows: RunRows
  readonly reconId: string
  readonly isAnalysis: boolean
  /** False when there was no target at the start: nobody can correlate. */
  readonly correlates: boolean
}

/** One source and kind of link on its way to a row. */
interface Case {
  readonly source: JsonObject
  readonly sourceId: string
  readonly sourceKey: string
  readonly qualifier: string
  qualifies: boolean
  link: PairLink | null
  lookup: Lookup
  candidates: readonly string[]
  target: JsonObject | null
  targetKey: string | null
  taken: boolean
  assessment: Assessment | undefined
  decision: Decision | undefined
  mapped: JsonObject | ResourceException | undefined
  failure: ResourceException | undefined
}

/** Decides about sources, a page at a time, in their order: what one of them takes, those behind it find taken. */
export class SourcePlanner {
  readonly #parts: PlanParts
  #created = 0

  constructor(parts: PlanParts) {
    this.#parts = parts
  }

  /** @param sources whole objects */
  async plan(sources: readonly JsonObject[], only?: string): Promise<NewRow[]> {
    const cases = (await this.#cases(sources)).filter(({ qualifier }) => only === undefined || qualifier === only)
    await this.#qualify(cases.filter(isFine))
    await this.#followLinks(cases)
    await this.#correlate(cases.filter((one) => isFine(one) && !one.link))
    await this.#mapCreations(
      cases.filter((one) => isFine(one) && one.qualifies && !one.link && one.candidates.length === 0),
    )
    await this.#decideInOrder(cases)
    await this.#map(cases.filter((one) => isFine(one) && one.decision && ACTION_RULES[one.decision.action].maps))
    return cases.map((one) => planRow(this.#parts.mapping, plannedCase(one), this.#parts.isAnalysis))
  }

  async #cases(sources: readonly JsonObject[]): Promise<Case[]> {
    const { mapping, scripts } = this.#parts
    const qualifiers = await linkQualifiers(mapping, sources, scripts)
    return sources.flatMap((source, index) => {
      const names = qualifiers[index] ?? []
      if (names instanceof ResourceException) return [{ ...this.#case(source, 'default'), failure: names }]
      return names.map((qualifier) => this.#case(source, qualifier))
    })
  }

  #case(source: JsonObject, qualifier: string): Case {
    const sourceId = idOf(source)
    return {
      source,
      sourceId,
      sourceKey: this.#parts.links.sourceKey(sourceId),
      qualifier,
      qualifies: false,
      link: null,
      lookup: { kind: 'none' },
      candidates: [],
      target: null,
      targetKey: null,
      taken: false,
      assessment: undefined,
      decision: undefined,
      mapped: undefined,
      failure: undefined,
    }
  }

  async #qualify(cases: readonly Case[]): Promise<void> {
    const { mapping, scripts } = this.#parts
    const verdicts = await qualifications(mapping, cases.map(taskOf), scripts)
    for (const [index, one] of cases.entries()) {
      const verdict = verdicts[index] ?? false
      if (verdict instanceof ResourceException) one.failure = verdict
      else one.qualifies = verdict
    }
  }

  async #followLinks(cases: readonly Case[]): Promise<void> {
    const { links, targets } = this.#parts
    const found = await links.bySources([...new Set(cases.map(({ sourceKey }) => sourceKey))])
    const byPlace = new Map(found.map((link) => [`${link.qualifier}\u0000${link.sourceKey}`, link] as const))
    for (const one of cases) one.link = byPlace.get(`${one.qualifier}\u0000${one.sourceKey}`) ?? null
    const linked = cases.filter((one) => one.link)
    const objects = await targets.find(linked.flatMap(({ link }) => link?.targetKey ?? []))
    for (const one of linked) {
      const object = objects.get(one.link?.targetKey ?? '')
      one.targetKey = one.link?.targetKey ?? null
      one.target = object ? objectOf(object) : null
    }
  }

  async #correlate(cases: readonly Case[]): Promise<void> {
    const { mapping, scripts, targets, links } = this.#parts
    if (!this.#parts.correlates || !correlates(mapping)) return
    const found = await lookups(mapping, cases.map(taskOf), scripts)
    const candidates = await targets.correlate(found)
    for (const [index, one] of cases.entries()) {
      const keys = candidates[index] ?? []
      one.lookup = found[index] ?? one.lookup
      if (keys instanceof ResourceException) one.failure = keys
      else one.candidates = keys
    }
    const single = cases.flatMap(({ candidates }) => (candidates.length === 1 ? candidates : []))
    const objects = await targets.find(single)
    const owners = await links.byTargets(single)
    const claims = await this.#parts.rows.claimed(single)
    for (const one of cases.filter(({ candidates }) => candidates.length === 1)) {
      const [key = ''] = one.candidates
      const object = objects.get(key)
      if (object && !object.isPlanned) one.target = objectOf(object)
      one.targetKey = key
      one.taken =
        owners.some((link) => link.targetKey === key && link.qualifier === one.qualifier) ||
        claims.some(
          ({ target, qualifier, source }) => target === key && qualifier === one.qualifier && source !== one.sourceId,
        )
    }
  }

  /** What will be created has to be known before those behind it are decided: they may correlate with it. */
  async #mapCreations(cases: readonly Case[]): Promise<void> {
    if (!this.#plansCreations) return
    await this.#map(cases)
  }

  get #plansCreations(): boolean {
    return this.#parts.correlates && correlates(this.#parts.mapping) && this.#parts.targets.isComplete
  }

  async #decideInOrder(cases: readonly Case[]): Promise<void> {
    const claims = new PageClaims(cases.flatMap(({ lookup }) => (lookup.kind === 'filter' ? [lookup.filter] : [])))
    const planned: { key: string; content: JsonObject }[] = []
    for (const one of cases) {
      if (!isFine(one)) continue
      this.#meetEarlier(one, claims)
      await this.#decide(one)
      if (one.failure || !one.decision || !ACTION_RULES[one.decision.action].links) continue
      if (one.decision.action === 'CREATE') planned.push(...this.#create(one, claims))
      if (one.targetKey !== null) claims.claim(one.targetKey, one.qualifier, one.sourceId)
    }
    if (planned.length > 0) await this.#parts.targets.plan(planned)
  }

  #meetEarlier(one: Case, claims: PageClaims): void {
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

  async #decide(one: Case): Promise<void> {
    const { mapping, scripts, reconId } = this.#parts
    const targets = one.link ? Number(one.target !== null) : one.candidates.length
    one.assessment = assessSource({ qualifies: one.qualifies, linked: one.link !== null, targets, taken: one.taken })
    try {
      one.decision = await decide(
        mapping,
        {
          situation: one.assessment.situation,
          linkQualifier: one.qualifier,
          source: one.source,
          target: one.target,
          sourceAction: true,
          sourceId: one.sourceId,
          targetId: targetIdOf(one),
          ambiguousTargetIds: one.candidates.length > 1 ? one.candidates : null,
          reconId,
        },
        scripts,
      )
      if (one.decision.action === 'DELETE' && one.taken) one.failure = conflict(TAKEN)
    } catch (error) {
      one.failure = toResourceException(error)
    }
  }

  /** Stands for the target that will be there. */
  #create(one: Case, claims: PageClaims): { key: string; content: JsonObject }[] {
    if (one.link || one.candidates.length > 0 || !this.#parts.mapping.enableLinking) return []
    if (!one.mapped || one.mapped instanceof ResourceException) return []
    this.#created += 1
    one.targetKey = `\u0001${this.#created}/${one.sourceKey}/${one.qualifier}`
    claims.create(one.targetKey, one.mapped)
    return [{ key: one.targetKey, content: one.mapped }]
  }

  async #map(cases: readonly Case[]): Promise<void> {
    const { mapping, scripts } = this.#parts
    const open = cases.filter(({ mapped }) => mapped === undefined)
    const tasks = open.map((one) => ({
      ...taskOf(one),
      onto: ontoTarget(one.decision?.action === 'UPDATE' ? one.target : null),
    }))
    const mapped = tasks.length === 0 ? [] : await mapProperties(mapping.properties, tasks, scripts)
    for (const [index, one] of open.entries()) one.mapped = mapped[index]
  }
}

/** The vendor would delete it under the feet of its own source. */
const TAKEN =
  'The source does not qualify, but the target that correlates with it is linked to another source: not deleted'

const isFine = ({ failure }: Case): boolean => failure === undefined

const taskOf = ({ source, qualifier }: Case) => ({ source, linkQualifier: qualifier })

const targetIdOf = (one: Case): string | null => {
  if (one.target) return idOf(one.target)
  return one.link?.targetKey ?? null
}

function plannedCase(one: Case): PlannedCase {
  const isMappingNeeded = one.decision && ACTION_RULES[one.decision.action].maps
  return {
    phase: 'source',
    qualifier: one.qualifier,
    sourceId: one.sourceId,
    source: one.source,
    targetId: targetIdOf(one),
    targetKey: one.targetKey,
    target: one.target,
    link: one.link,
    ambiguous: one.candidates.length > 1 ? one.candidates : null,
    assessment: one.assessment,
    decision: one.decision,
    mapped: isMappingNeeded ? one.mapped : undefined,
    failure: one.failure,
  }
}
