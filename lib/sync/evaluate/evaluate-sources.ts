import type { JsonObject } from '../../contract.ts'
import { conflict, ResourceException } from '../../crest/errors.ts'
import type { WriteRecorder } from '../../crest/protocol/recorder.ts'
import { newRow, type Row } from '../../repo/runs/run-row.ts'
import type { SeenObject } from '../../repo/runs/run-snapshot.ts'
import { ACTION_RULES, isAction } from '../action.ts'
import { idOf } from '../read/object-set.ts'
import { assessSource } from '../situation.ts'
import { type Lookup, lookups } from './correlation.ts'
import {
  type Case,
  decideCases,
  type EvaluationOptions,
  fail,
  finishRows,
  isFine,
  isMapped,
  mapCases,
  mapEarly,
  taskOf,
} from './evaluation.ts'
import { PageClaims } from './page-claims.ts'
import { protectionOf } from './protection.ts'
import { linkQualifiers, qualifications } from './qualification.ts'
import { PLANNED_KEY } from './targets.ts'

/** One source object and link qualifier during its evaluation. */
interface SourceCase extends Case {
  readonly source: JsonObject
  readonly sourceKey: string
  /** False when its link qualifiers could not be determined. */
  readonly hasQualifier: boolean
  qualifies: boolean
  lookup: Lookup
  /** The keys of the targets that correlate. */
  candidates: readonly string[]
  /** The keys of the targets that it is linked to, where its link qualifiers could not be determined. */
  related: readonly string[]
  /** The object at the other end. */
  seen: SeenObject | undefined
  /** Whether the target is linked to another source. */
  taken: boolean
}

/** What the caller of an explicit action selects besides the source. */
export interface NamedTarget {
  readonly qualifier: string
  /** Replaces correlation; undefined = correlate. */
  readonly targetKey?: string | undefined
}

/** Evaluates sources page by page, in their order: a later source finds what an earlier one claims or will create. */
export class SourceEvaluator {
  readonly #parts: EvaluationOptions
  #created = 0

  constructor(parts: EvaluationOptions) {
    this.#parts = parts
  }

  /**
   * @param sources complete objects
   * @param named restricts the evaluation to this link qualifier
   */
  async evaluate(sources: readonly JsonObject[], named?: NamedTarget): Promise<Row[]> {
    const all = await this.#cases(sources)
    const cases = named ? all.filter(({ row }) => row.qualifier === named.qualifier) : all
    await this.#qualify(cases.filter(isFine))
    await this.#followLinks(cases)
    await this.#correlate(
      cases.filter((one) => isFine(one) && !one.row.link),
      named?.targetKey,
    )
    if (this.#parts.plansCreations)
      await mapEarly(
        this.#parts,
        cases.filter((one) => isFine(one) && one.qualifies && !one.row.link && one.candidates.length === 0),
      )
    await this.#decide(cases)
    await mapCases(
      this.#parts,
      cases.filter((one) => isFine(one) && isMapped(one) && !this.#isMappedLater(one)),
    )
    await this.#protect(cases)
    return finishRows(this.#parts, cases)
  }

  async #cases(sources: readonly JsonObject[]): Promise<SourceCase[]> {
    const { mapping, scripts, links, oldSource } = this.#parts
    const tasks = sources.map((source) => ({ source, recorder: this.#parts.newRecorder?.() }))
    const qualifiers = await linkQualifiers(mapping, tasks, scripts, oldSource)
    return tasks.flatMap(({ source, recorder }, index) => {
      const key = links.sourceKey(idOf(source))
      const names = qualifiers[index] ?? []
      if (!(names instanceof ResourceException))
        // The writes of the script for the qualifiers are executed once.
        return names.map((qualifier, place) =>
          sourceCase(source, key, qualifier, place === 0 ? recorder : recorder?.fork()),
        )
      const one = { ...sourceCase(source, key, 'default', recorder), hasQualifier: false }
      fail(one.row, names)
      return [one]
    })
  }

  async #qualify(cases: readonly SourceCase[]): Promise<void> {
    const { mapping, scripts } = this.#parts
    const verdicts = await qualifications(mapping, cases.map(taskOf), scripts)
    for (const [index, one] of cases.entries()) {
      const verdict = verdicts[index] ?? false
      if (verdict instanceof ResourceException) fail(one.row, verdict)
      else one.qualifies = verdict
    }
  }

  async #followLinks(cases: readonly SourceCase[]): Promise<void> {
    const followed = await this.#parts.targets.follow([...new Set(cases.map(({ sourceKey }) => sourceKey))])
    const byPlace = new Map(followed.map((one) => [placeOf(one.link.sourceKey, one.link.qualifier), one] as const))
    const bySource = Map.groupBy(followed, ({ link }) => link.sourceKey)
    for (const one of cases) {
      if (!one.hasQualifier) {
        one.related = (bySource.get(one.sourceKey) ?? []).map(({ link }) => link.targetKey)
        continue
      }
      const found = byPlace.get(placeOf(one.sourceKey, one.row.qualifier))
      if (!found) continue
      one.row.link = found.link
      setTarget(one, found.link.targetKey, found.seen)
    }
  }

  async #correlate(cases: readonly SourceCase[], named: string | undefined): Promise<void> {
    const { mapping, scripts, targets } = this.#parts
    if (named !== undefined) for (const one of cases) one.candidates = [named]
    else if (this.#parts.correlates && cases.length > 0) {
      const found = await lookups(mapping, cases.map(taskOf), scripts)
      const candidates = await targets.correlate(found)
      for (const [index, one] of cases.entries()) {
        const keys = candidates[index] ?? []
        one.lookup = found[index] ?? one.lookup
        if (keys instanceof ResourceException) fail(one.row, keys)
        else one.candidates = keys
      }
    }
    await this.#meetCandidates(cases.filter(({ candidates }) => candidates.length === 1))
  }

  /** @param cases each with one candidate */
  async #meetCandidates(cases: readonly SourceCase[]): Promise<void> {
    const { links, rows, targets } = this.#parts
    const keys = cases.flatMap(({ candidates }) => candidates)
    if (keys.length === 0) return
    const objects = await targets.find(keys)
    const owned = new Set((await links.byTargets(keys)).map((link) => placeOf(link.targetKey, link.qualifier)))
    const claims = Map.groupBy(await rows.claimed(keys), ({ target, qualifier }) => placeOf(target, qualifier))
    for (const one of cases) {
      const [key = ''] = one.candidates
      const place = placeOf(key, one.row.qualifier)
      setTarget(one, key, objects.get(key))
      one.taken = owned.has(place) || (claims.get(place) ?? []).some(({ source }) => source !== one.row.sourceId)
    }
  }

  async #decide(cases: readonly SourceCase[]): Promise<void> {
    const claims = claimsOf(cases)
    const planned: { key: string; content: JsonObject }[] = []
    const open = cases.filter(isFine)
    // Cases that do not affect each other are decided together, so that their scripts run in parallel.
    const apart = independent(open)
    for (const one of apart) {
      applyClaims(one, claims)
      assess(one)
    }
    await decideCases(this.#parts, [...apart])
    for (const one of open) {
      const { row } = one
      if (!apart.has(one)) {
        applyClaims(one, claims)
        assess(one)
        await decideCases(this.#parts, [one])
      }
      if (!isFine(one)) continue
      if (row.action === 'DELETE' && one.taken) fail(row, conflict(TAKEN))
      else planned.push(...this.#claim(one, claims))
    }
    if (planned.length > 0) await this.#parts.targets.plan(planned)
  }

  /** @returns the placeholder of the target that will be created */
  #claim(one: SourceCase, claims: PageClaims): { key: string; content: JsonObject }[] {
    const { row, candidates, mapped, sourceKey } = one
    if (!isAction(row.action) || !ACTION_RULES[row.action].links || row.link) return []
    const { enableLinking } = this.#parts.mapping
    const isPlanned = row.action === 'CREATE' && candidates.length === 0 && enableLinking && this.#parts.plansCreations
    if (!isPlanned || !mapped || mapped instanceof Error) {
      if (row.targetKey !== null) claims.claim(row.targetKey, row.qualifier, row.sourceId ?? '')
      return []
    }
    this.#created += 1
    const key = `${PLANNED_KEY}${this.#created}/${sourceKey}/${row.qualifier}`
    row.targetKey = key
    claims.create(key, mapped)
    claims.claim(key, row.qualifier, row.sourceId ?? '')
    return [{ key, content: mapped }]
  }

  /** Whether it is mapped when it is applied only, since no plan shows the result before. */
  #isMappedLater({ row }: SourceCase): boolean {
    const { plansCreations, isAnalysis, mapper } = this.#parts
    return !mapper.runsScripts && row.action === 'CREATE' && !plansCreations && !isAnalysis
  }

  /** Excludes targets that a source refers to from the target phase. */
  async #protect(cases: readonly SourceCase[]): Promise<void> {
    const named: { key: string; seen: SeenObject | undefined }[] = []
    for (const { row, seen, related } of cases) {
      const note = (key: string) => named.push({ key, seen: seen?.key === key ? seen : undefined })
      protectionOf(row).targets.forEach(note)
      related.forEach(note)
    }
    await this.#parts.targets.touch(named)
  }
}

/** The vendor deletes the target of another source in this case. */
const TAKEN =
  'The source does not qualify, but the target that correlates with it is linked to another source: not deleted'

/** The cases whose situations do not depend on decisions about other cases of the page. */
function independent(cases: readonly SourceCase[]): ReadonlySet<SourceCase> {
  const unlinked = cases.filter(({ row }) => row.link === null)
  const places = Map.groupBy(unlinked, ({ row }) => placeOf(row.targetKey ?? '', row.qualifier))
  const claims = claimsOf(cases)
  for (const [index, { mapped }] of unlinked.entries())
    if (mapped && !(mapped instanceof Error)) claims.create(String(index), mapped)
  const isApart = ({ row, lookup }: SourceCase, index: number): boolean => {
    const rivals = row.targetKey === null ? [] : places.get(placeOf(row.targetKey, row.qualifier))
    if (rivals && rivals.length > 1) return false
    return lookup.kind !== 'filter' || claims.matching(lookup.filter).every((key) => key === String(index))
  }
  const apart = unlinked.filter(isApart)
  return new Set([...cases.filter(({ row }) => row.link !== null), ...apart])
}

const claimsOf = (cases: readonly SourceCase[]): PageClaims =>
  new PageClaims(cases.flatMap(({ lookup }) => (lookup.kind === 'filter' ? [lookup.filter] : [])))

const sourceCase = (
  source: JsonObject,
  sourceKey: string,
  qualifier: string,
  recorder: WriteRecorder | undefined,
): SourceCase => ({
  recorder,
  row: newRow({ phase: 'source', qualifier, sourceId: idOf(source), source }),
  source,
  sourceKey,
  hasQualifier: true,
  qualifies: false,
  lookup: { kind: 'none' },
  candidates: [],
  related: [],
  seen: undefined,
  taken: false,
  mapped: undefined,
  isSame: false,
})

function setTarget(one: SourceCase, targetKey: string, seen: SeenObject | undefined): void {
  const { row } = one
  one.seen = seen
  row.targetKey = targetKey
  row.target = seen && !seen.isPlanned ? seen.object : null
  row.targetId = row.target ? idOf(row.target) : (row.link?.targetKey ?? null)
}

/** Considers what earlier sources of the page claim or create. */
function applyClaims(one: SourceCase, claims: PageClaims): void {
  const { row, lookup } = one
  if (row.link) return
  const created = lookup.kind === 'filter' ? claims.matching(lookup.filter) : []
  if (created.length > 0) {
    one.candidates = [...one.candidates, ...created]
    row.targetKey = one.candidates[0] ?? null
  }
  if (one.candidates.length > 1) {
    row.ambiguous = one.candidates
    row.target = null
    row.targetId = null
    row.targetKey = null
  } else if (row.targetKey !== null && claims.isTaken(row.targetKey, row.qualifier, row.sourceId ?? ''))
    one.taken = true
}

function assess({ row, qualifies, candidates, taken }: SourceCase): void {
  const targets = row.link ? Number(row.target !== null) : candidates.length
  Object.assign(row, assessSource({ qualifies, linked: row.link !== null, targets, taken }))
}

const placeOf = (key: string, qualifier: string): string => `${qualifier}\u0000${key}`
