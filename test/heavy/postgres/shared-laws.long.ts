/**
 * Random sources, targets and policies: a run that two processes share, and the same run of one. `SHARED_LAW_CASES=100` runs
 * more of them, `SHARED_LAW_SEED` others.
 */
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import type { JsonObject } from '../../../lib/contract.ts'
import { conflict } from '../../../lib/crest/errors.ts'
import { MemoryCollection } from '../../../lib/crest/protocol/collection.ts'
import type { Connection } from '../../../lib/crest/protocol/connection.ts'
import type { CreateRequest, PatchRequest, Resource } from '../../../lib/crest/protocol/request.ts'
import type { Action } from '../../../lib/sync/action.ts'
import { ALLOWED_ACTIONS, type Situation } from '../../../lib/sync/situation.ts'
import { startPair } from './shared-pair.ts'

const CASES = Number(process.env.SHARED_LAW_CASES ?? 2)
const SEED = { seed: Number(process.env.SHARED_LAW_SEED ?? 7) }

/** Refuses some names, and takes long enough for others to join. */
class PickyCollection extends MemoryCollection {
  override async create(request: CreateRequest): Promise<Resource> {
    await this.#check(request.content.name)
    return super.create(request)
  }

  override async patch(request: PatchRequest): Promise<Resource> {
    for (const { value } of request.patchOperations) await this.#check(value)
    return super.patch(request)
  }

  async #check(name: unknown): Promise<void> {
    await delay(30)
    if (String(name).endsWith('7')) throw conflict('This name is not allowed')
  }
}

const SITUATIONS = ['CONFIRMED', 'FOUND', 'ABSENT', 'MISSING', 'SOURCE_MISSING', 'UNASSIGNED', 'AMBIGUOUS'] as const
/** Most write, so that there is something to share. */
const policy = (situation: Situation) => {
  const usual: Action = situation === 'MISSING' ? 'CREATE' : ALLOWED_ACTIONS[situation][0]
  const others = ALLOWED_ACTIONS[situation].slice(1, 3)
  const action = fc.oneof({ weight: 5, arbitrary: fc.constant(usual) }, fc.constantFrom(...others))
  return action.map((action) => ({ situation, action }))
}
const policies = fc.tuple(...SITUATIONS.map(policy))
const people = fc.array(fc.record({ name: fc.nat(300), mail: fc.nat(3) }), { minLength: 130, maxLength: 180 })
const world = fc.record({ sources: people, targets: people, changed: people, policies })

/** With work for both for a second. */
const PLAIN = {
  sources: Array.from({ length: 300 }, (_, name) => ({ name, mail: 1 })),
  targets: [],
  changed: [],
  policies: SITUATIONS.map((situation) => ({ situation, action: ALLOWED_ACTIONS[situation][0] })),
} as unknown as typeof world extends fc.Arbitrary<infer T> ? T : never

type People = typeof people extends fc.Arbitrary<infer T> ? T : never

const contentOf = ({ name, mail }: People[number]) => ({ name: `n${name}`, mail: `m${mail}` })

const CORRELATION: JsonObject = {
  linkQualifier: 'default',
  expressionTree: { all: ['name'] },
  type: 'text/javascript',
  file: 'ui/correlateTreeToQueryFilter.js',
}

const objects = async (connection: Connection, path: string) =>
  (await connection.query(path, { _queryFilter: 'true' })).result

/** What a run of a mapping has led to, apart from ids that it has chosen. */
async function outcome(connection: Connection, mapping: string, isApproved: boolean) {
  const call = async (path: string, action: string, params: JsonObject) => {
    const { _id } = (await connection.action(path, action, null, { waitForCompletion: true, ...params })) as JsonObject
    return (await connection.read(`recon/${String(_id)}`)) as JsonObject
  }
  let run = await call('recon', 'recon', { mapping, ...(isApproved && { analyze: true, persistAssociations: true }) })
  if (isApproved) run = await call(`recon/${String(run._id)}`, 'execute', {})
  const targets = await objects(connection, mapping)
  const nameOf = new Map(targets.map(({ _id, name, mail }) => [_id, `${String(name)} ${String(mail)}`]))
  const links = (await objects(connection, 'repo/link'))
    .filter(({ linkType }) => linkType === mapping)
    .map(({ firstId, secondId }) => `${String(firstId)}: ${nameOf.get(secondId) ?? 'gone'}`)
  const { state, progress, situationSummary, statusSummary, sourceProcessedByNode } = run
  return {
    byNode: sourceProcessedByNode as Record<string, number>,
    result: {
      state,
      progress,
      situationSummary,
      statusSummary,
      links: links.sort(),
      targets: [...nameOf.values()].sort(),
    },
  }
}

describe('a shared run and one that is not', function () {
  this.timeout(600_000)

  it('end with the same targets, links and report', async () => {
    let shared = 0
    const law = fc.asyncProperty(world, fc.boolean(), async (given, isApproved) => {
      const mappingOf = (name: string) => ({
        ...{ name, source: 'a', target: name, clusteredSourceReconEnabled: name === 'shared' },
        ...{ policies: given.policies, maxDeletes: 1000, allowEmptySourceSet: true },
        properties: ['name', 'mail'].map((field) => ({ source: field, target: field })),
        correlationQuery: [CORRELATION],
      })
      const collections = { a: new MemoryCollection(), shared: new PickyCollection(), alone: new PickyCollection() }
      const { connection } = await startPair(['shared', 'alone'].map(mappingOf), collections)
      for (const [index, one] of given.sources.entries()) await connection.create('a', `s${index}`, contentOf(one))
      for (const [index, one] of given.targets.entries())
        for (const path of ['shared', 'alone'])
          if (one.name % 10 !== 7) await connection.create(path, `t${index}`, contentOf(one))
      const compare = async () => {
        const alone = await outcome(connection, 'alone', isApproved)
        const { byNode, result } = await outcome(connection, 'shared', isApproved)
        // Rows of a plan are checked window by window, and windows of shared runs are smaller: one that meets what an earlier
        // window has created is left alone.
        const isSkipped = isApproved && Number((result.statusSummary as JsonObject).SKIPPED ?? 0) > 0
        if (isSkipped)
          assert.deepEqual(
            result.links.filter((link) => !alone.result.links.includes(link)),
            [],
          )
        else assert.deepEqual(result, alone.result)
        assert.deepEqual(alone.byNode, {})
        shared += byNode.two ?? 0
      }
      await compare()
      for (const [index, one] of given.changed.entries()) {
        const id = `s${index}`
        if (one.mail === 0) await connection.delete(`a/${id}`, null).catch(() => undefined)
        else if (index < given.sources.length) await connection.update(`a/${id}`, null, contentOf(one))
      }
      await compare()
    })
    await fc.assert(law, { numRuns: CASES, ...SEED, endOnFailure: true, examples: [[PLAIN, false]] })
    assert.ok(shared > 0, 'no run was shared')
  })
})
