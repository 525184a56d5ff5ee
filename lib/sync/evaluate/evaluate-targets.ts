import { ResourceException } from '../../crest/errors.ts'
import type { PairLink } from '../../repo/links/link-store.ts'
import { newRow, type Row } from '../../repo/runs/run-row.ts'
import type { SeenObject } from '../../repo/runs/run-snapshot.ts'
import { idOf } from '../read/object-set.ts'
import { assessTarget } from '../situation.ts'
import {
  type Case,
  decideCases,
  type EvaluationOptions,
  fail,
  finishRows,
  isFine,
  isMapped,
  mapCases,
  taskOf,
} from './evaluation.ts'
import { qualifications, targetValidity } from './qualification.ts'

/**
 * Evaluates targets that no source refers to.
 * @param qualifier restricts the evaluation to this link qualifier
 */
export async function evaluateTargets(
  parts: EvaluationOptions,
  objects: readonly SeenObject[],
  qualifier?: string,
): Promise<Row[]> {
  const cases = await casesOf(parts, objects, qualifier)
  const valid = await targetValidity(
    parts.mapping,
    cases.map(({ row: { target, qualifier: linkQualifier }, recorder }) => ({
      variables: { target: target ?? {}, linkQualifier },
      recorder,
    })),
    parts.scripts,
  )
  await readSources(
    parts,
    cases.filter((_, index) => valid[index] === true),
  )
  const linked = cases.filter(({ row }) => row.source !== null)
  const qualified = await qualifications(parts.mapping, linked.map(taskOf), parts.scripts)
  const qualifies = new Map(linked.map((one, index) => [one, qualified[index] ?? false] as const))
  for (const [index, one] of cases.entries()) assess(one, valid[index] ?? false, qualifies.get(one))
  await decideCases(parts, cases.filter(isFine))
  await mapCases(
    parts,
    cases.filter((one) => isFine(one) && isMapped(one)),
  )
  return finishRows(parts, cases)
}

async function casesOf(
  parts: EvaluationOptions,
  objects: readonly SeenObject[],
  qualifier: string | undefined,
): Promise<Case[]> {
  const { links, targets } = parts
  const partial = objects.filter(({ isFull }) => !isFull).map(({ key }) => key)
  const whole = partial.length === 0 ? new Map<string, SeenObject>() : await targets.find(partial)
  const found = Map.groupBy(await links.byTargets(objects.map(({ key }) => key)), ({ targetKey }) => targetKey)
  return objects.flatMap((object) => {
    const target = whole.get(object.key) ?? object
    const all: readonly PairLink[] = found.get(object.key) ?? []
    const own = qualifier === undefined ? all : all.filter((link) => link.qualifier === qualifier)
    return (own.length > 0 ? own : [null]).map((link) => ({
      ...targetCase(target, link, qualifier),
      recorder: parts.newRecorder?.(),
    }))
  })
}

/** Reads each by id, since a scan may have missed it. */
async function readSources({ links, sources }: EvaluationOptions, cases: readonly Case[]): Promise<void> {
  const ids = new Set(cases.flatMap(({ row }) => row.link?.sourceKey ?? []))
  if (ids.size === 0) return
  const failures = new Map<string, ResourceException>()
  const found = await sources.byIds([...ids], 'sourceObjectQuery', failures)
  const byKey = new Map([...found.values()].map((source) => [links.sourceKey(idOf(source)), source] as const))
  for (const { row } of cases) {
    const failure = failures.get(row.link?.sourceKey ?? '')
    if (failure) fail(row, failure)
    row.source = byKey.get(row.link?.sourceKey ?? '') ?? null
    row.sourceId = row.source ? idOf(row.source) : (row.link?.sourceKey ?? null)
  }
}

type Verdict = boolean | ResourceException

function assess(one: Case, valid: Verdict, qualifies: Verdict = false): void {
  const { row } = one
  if (!isFine(one)) return
  for (const verdict of [valid, qualifies]) if (verdict instanceof ResourceException) fail(row, verdict)
  if (!isFine(one)) return
  const facts = { valid: valid === true, linked: row.link !== null, sourceExists: row.source !== null }
  Object.assign(row, assessTarget({ ...facts, sourceQualifies: qualifies === true }))
}

const targetCase = ({ object, key }: SeenObject, link: PairLink | null, qualifier = 'default'): Case => ({
  row: newRow({
    phase: 'target',
    qualifier: link?.qualifier ?? qualifier,
    sourceId: link?.sourceKey ?? null,
    targetId: idOf(object),
    targetKey: key,
    target: object,
    link,
  }),
  mapped: undefined,
  isSame: false,
})
