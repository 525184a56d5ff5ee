import { ResourceException } from '../../crest/errors.ts'
import { newRow, type Row } from '../../repo/runs/run-row.ts'
import { idOf } from '../read/object-set.ts'
import { assessDeletion } from '../situation.ts'
import { lookups } from './correlation.ts'
import { type Case, decideCases, type EvaluationOptions, fail, finishRows, isFine } from './evaluation.ts'
import { allLinkQualifiers, qualifications, targetValidity } from './qualification.ts'

/**
 * Evaluates a source that is gone, for all of its link qualifiers. What it correlated with, and whether it qualified, is
 * judged from the source as it was; a target that another source is linked to is none of it.
 * @param qualifier restricts the evaluation to this link qualifier
 * @throws ResourceException when the link qualifiers are not known
 */
export async function evaluateDeletion(parts: EvaluationOptions, sourceId: string, qualifier?: string): Promise<Row[]> {
  const { mapping, scripts, links, targets, oldSource } = parts
  const followed = await targets.follow([links.sourceKey(sourceId)])
  const known = await allLinkQualifiers(mapping, scripts, oldSource)
  const all = new Set([...known, ...followed.map(({ link }) => link.qualifier)])
  const names = qualifier === undefined ? [...all] : [qualifier]
  const cases = names.map((name): Case => {
    const found = followed.find(({ link }) => link.qualifier === name)
    const target = found?.seen?.object ?? null
    const ids = { targetId: target ? idOf(target) : (found?.link.targetKey ?? null), target, sourceId }
    const row = newRow({ phase: 'source', qualifier: name, ...ids, link: found?.link ?? null })
    return { row, mapped: undefined, isSame: false }
  })
  for (const one of cases) await assess(parts, one)
  await decideCases(parts, cases.filter(isFine))
  return finishRows(parts, cases)
}

async function assess(parts: EvaluationOptions, { row }: Case): Promise<void> {
  try {
    const facts = row.link ? await linkedFacts(parts, row) : await correlatedFacts(parts, row)
    Object.assign(row, assessDeletion(facts))
  } catch (error) {
    fail(row, error)
  }
}

async function linkedFacts({ mapping, scripts }: EvaluationOptions, row: Row) {
  const { target, qualifier: linkQualifier } = row
  const known = { linked: true, qualified: false }
  if (!target) return { ...known, targets: 0, valid: false }
  const [valid] = await targetValidity(mapping, [{ variables: { target, linkQualifier } }], scripts)
  if (valid instanceof ResourceException) throw valid
  return { ...known, targets: 1, valid: valid === true }
}

async function correlatedFacts(parts: EvaluationOptions, row: Row) {
  const { mapping, scripts, links, targets, oldSource, correlates } = parts
  const { qualifier: linkQualifier } = row
  const nothing = { linked: false, targets: 0, valid: false, qualified: false }
  if (!correlates || !oldSource) return nothing
  const task = { source: oldSource, linkQualifier }
  const [candidates = []] = await targets.correlate(await lookups(mapping, [task], scripts))
  if (candidates instanceof ResourceException) throw candidates
  const owned = new Set(
    (await links.byTargets(candidates))
      .filter((link) => link.qualifier === linkQualifier)
      .map((link) => link.targetKey),
  )
  const free = candidates.filter((key) => !owned.has(key))
  if (free.length === 0) return nothing
  const [qualified] = await qualifications(mapping, [task], scripts)
  if (qualified instanceof ResourceException) throw qualified
  const [key = ''] = free
  if (free.length > 1) row.ambiguous = free
  else {
    row.target = (await targets.find([key])).get(key)?.object ?? null
    row.targetId = row.target ? idOf(row.target) : key
  }
  return { ...nothing, targets: free.length, qualified: qualified === true }
}
