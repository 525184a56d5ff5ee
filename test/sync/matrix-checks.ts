/** What has to hold of a row of the matrix when its mapping has run. */
import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { EFFECTS, type MatrixRow } from './matrix-rows.ts'
import type { Finished, Matrix } from './matrix-stage.ts'

const PATH = '/openidm/managed/account'

export const finished = ({ runs }: Matrix, choice: MatrixRow['choice']): Finished => {
  const found = runs.get(choice)
  assert.ok(found)
  return found
}

const targetIdOf = ({ id, target }: MatrixRow): string | undefined => target && `t-${id}`

export const targetEffect = (row: MatrixRow) => EFFECTS[row.action].target

/** The request that a remote gets for a row. */
export function writeOf(row: MatrixRow): string[] {
  const effect = targetEffect(row)
  if (effect === 'created') return [`PUT ${PATH}/ID`]
  if (effect === 'updated') return [`PATCH ${PATH}/t-${row.id}`]
  return effect === 'deleted' ? [`DELETE ${PATH}/t-${row.id}`] : []
}

/** How often each name stands in the list. */
export function counted(names: readonly string[]): Record<string, number> {
  return Object.fromEntries([...Map.groupBy(names, (name) => name)].map(([name, all]) => [name, all.length] as const))
}

/** The entry of the association: one for each row, and the one that the dry run had announced. */
export function checkEntry(matrix: Matrix, row: MatrixRow): void {
  const { entries, plan } = finished(matrix, row.choice)
  const own = entryOf(entries, row)
  const { message, linkQualifier, ambiguousTargetObjectIds } = own
  assert.deepEqual([decided(own), own.status], [`${row.situation} ${row.action}`, EFFECTS[row.action].status])
  assert.equal(decided(entryOf(plan, row)), `${row.situation} ${row.action}`)
  if (row.action === 'EXCEPTION') assert.match(String(message), new RegExp(`^${row.situation}: `))
  else assert.equal(message, null)
  assert.equal(linkQualifier, 'default')
  const twins = row.twin ? [`t-${row.id}`, `u-${row.id}`].join(', ') : null
  assert.equal(ambiguousTargetObjectIds, twins)
}

const decided = ({ situation, action }: JsonObject): string => `${String(situation)} ${String(action)}`

function entryOf(entries: readonly JsonObject[], row: MatrixRow): JsonObject {
  const own = entries.filter(({ sourceObjectId: source, targetObjectId: target }) =>
    source === null ? target === targetIdOf(row) : source === row.id,
  )
  assert.equal(own.length, 1)
  return own[0] ?? {}
}

/** The entry of the audit, with full paths; none for what is not reported. */
export function checkAudit(matrix: Matrix, row: MatrixRow): void {
  const { audit } = finished(matrix, row.choice)
  const [source, target] = [`${matrix.source.path}/${row.id}`, `${matrix.target.path}/${targetIdOf(row)}`]
  const own = audit.filter(({ sourceObjectId, targetObjectId }) =>
    sourceObjectId === null ? targetObjectId === target : sourceObjectId === source,
  )
  const expected = EFFECTS[row.action].reported ? [[row.situation, row.action, row.phase]] : []
  assert.deepEqual(
    own.map(({ situation, action, reconciling }) => [situation, action, reconciling]),
    expected,
  )
}

/** The target as the action leaves it. */
export function checkTarget({ before, after }: Matrix, row: MatrixRow): void {
  const ids = [`t-${row.id}`, `u-${row.id}`]
  const [was, is] = [before, after].map(({ targets }) => ids.map((id) => targets.get(id)))
  const [{ _rev: oldRevision, ...old } = {}] = was?.map((one) => one ?? {}) ?? []
  switch (targetEffect(row)) {
    case 'updated': {
      const [{ _rev, ...content } = {}] = is?.map((one) => one ?? {}) ?? []
      assert.deepEqual(content, { ...old, mail: 'new' })
      assert.notEqual(_rev, oldRevision)
      break
    }
    case 'deleted':
      assert.ok(was?.[0])
      assert.deepEqual(is, [undefined, undefined])
      break
    case 'created': {
      const [link] = linksOf(after, row)
      const { _id, _rev, ...content } = after.targets.get(String(link?.secondId)) ?? {}
      assert.deepEqual(content, { name: row.id, mail: 'new' })
      assert.ok(!before.targets.has(String(_id)))
      assert.deepEqual(is, was)
      break
    }
    default:
      assert.deepEqual(is, was)
  }
}

const linksOf = ({ links }: Matrix['after'], { id, choice }: MatrixRow): JsonObject[] =>
  links.filter(
    ({ linkType, firstId, secondId }) => linkType === `m-${choice}` && (firstId === id || secondId === `t-${id}`),
  )

/** The link as the action leaves it. */
export function checkLink({ before, after }: Matrix, row: MatrixRow): void {
  const [was, is] = [linksOf(before, row), linksOf(after, row)]
  const effect = EFFECTS[row.action].link
  if (effect === 'gone') assert.deepEqual(is, [])
  else if (effect === 'same') assert.deepEqual(is, was)
  else {
    assert.deepEqual([is.length, is[0]?.firstId], [1, row.id])
    if (row.action !== 'CREATE') assert.equal(is[0]?.secondId, `t-${row.id}`)
  }
}
