/** A gateway of several workers with the same mappings twice: those whose runs the workers share, and those of one process. */
import assert from 'node:assert/strict'
import { generateKey } from '../../../lib/config/values/crypto/crypto.ts'
import type { Json, JsonObject } from '../../../lib/contract.ts'
import { migratePostgres } from '../../../lib/repo/postgres/migrate.ts'
import { createClient } from '../../../lib/repo/postgres/pool.ts'
import { onCleanUp } from '../../helpers/clean-up.ts'
import { delayed, type FakeIdm, type FakeIdmOptions, fakeIdm } from '../../helpers/fake-idm/fake-idm.ts'
import { tempDirWith } from '../../helpers/files.ts'
import { startGatewayProcess } from '../../helpers/gateway-process.ts'
import { until } from '../../helpers/until.ts'
import { instanceOf } from '../../sync/gateways.ts'
import { tempSchema } from './server.ts'

/** Mappings of a side are named after it, and lead from its remote `SIDE1` to `SIDE2`. */
export type Side = 'shared' | 'alone'
export const SIDES = ['shared', 'alone'] as const

/** The two remotes of a side. */
export interface World {
  readonly one: FakeIdm
  readonly two: FakeIdm
}

export type Both<T> = Readonly<Record<Side, T>>

export const both = <T>(work: (side: Side) => T): Both<T> => ({ shared: work('shared'), alone: work('alone') })

export const assertSame = ({ shared, alone }: Both<unknown>) => assert.deepEqual(shared, alone)

/** What a report says that does not differ from run to run. */
export const told = (report: JsonObject): JsonObject => {
  const { state = null, progress = null, situationSummary = null, statusSummary = null, fieldSummary = null } = report
  return { state, progress, situationSummary, statusSummary, fieldSummary }
}

/** Objects without ids as text, in order. */
export const sorted = (all: readonly JsonObject[]): string[] =>
  all.map(({ _id, _rev, ...content }) => JSON.stringify(content)).sort()

export interface FeatureStage {
  readonly worlds: Both<World>
  inBoth(work: (world: World) => void): void
  /** Runs the mapping `SIDE` + name of both sides. @returns the report of both, after it was asserted that one was shared */
  run(name: string, options?: RunOptions): Promise<Both<JsonObject>>
  /** The same; both then have the same report, objects and links. @returns the report */
  compare(name: string, collection: string, options?: RunOptions): Promise<JsonObject>
  /** A collection has the same content on both sides, apart from ids, and the same links. */
  assertSameObjects(collection: string): Promise<void>
  /** Objects and links of the gateway itself. */
  query(path: string, filter: string): Promise<JsonObject[]>
  /** Rows of the database. */
  rows(text: string): Promise<JsonObject[]>
}

export interface RunOptions {
  /** Makes a plan first, and carries that out. */
  readonly isApproved?: boolean
  /** Whether there is enough to be carried out; true unless given. */
  readonly isShared?: boolean
}

export interface FeatureStageOptions {
  readonly workers: number
  /** How long a write of an object takes at the second remotes. */
  readonly ms: number
  readonly two: FakeIdmOptions
  readonly mappings: (side: Side) => readonly JsonObject[]
}

export async function startFeatureStage({ workers, ms, two, mappings }: FeatureStageOptions): Promise<FeatureStage> {
  const worldOf = async (): Promise<World> => ({ one: await fakeIdm(), two: await fakeIdm(two) })
  const worlds = { shared: await worldOf(), alone: await worldOf() }
  for (const world of Object.values(worlds))
    for (const remote of [world.one, world.two])
      remote.intercept(({ isWrite, line }) => isWrite && !line.includes('/note'), delayed(ms))
  const place = await tempSchema()
  await migratePostgres(place)
  const client = createClient(place)
  await client.connect()
  onCleanUp(() => client.end())
  const url = new URL(place.url)
  const password = decodeURIComponent(url.password)
  url.password = ''
  const configured = SIDES.flatMap((side) =>
    mappings(side).map((mapping) => ({ ...mapping, clusteredSourceReconEnabled: side === 'shared' })),
  )
  const project = await tempDirWith({
    'conf/repo.json': { type: 'postgresql', url: url.href, password: '&{db.password}', schema: place.schema },
    'resolver/boot.properties': `db.password=${password}\n`,
    ...Object.fromEntries(
      SIDES.flatMap((side) => [
        [`conf/external.idm-${side}1.json`, instanceOf(worlds[side].one)],
        [`conf/external.idm-${side}2.json`, instanceOf(worlds[side].two)],
      ]),
    ),
    'conf/managed.json': { objects: [{ name: 'note' }] },
    'conf/sync.json': { mappings: configured },
    'conf/gateway.json': { live: true },
    'security/crypto.keys': `${generateKey('one')}\n`,
  })
  const args = ['--workers', String(workers)]
  const gateway = await startGatewayProcess({}, { project, args })
  const call = async (path: string, method = 'GET', json?: JsonObject): Promise<JsonObject> => {
    const answered = await until(async () => {
      const answer = await gateway.call(path, { method, ...(json && { json }) })
      return answer.status !== 503 && answer
    }, `${path} is answered`)
    assert.ok(answered.status < 300, answered.text)
    return answered.json as JsonObject
  }
  await until(async () => ((await call('cluster')).results as Json[]).length === workers, 'all workers are there')
  const report = async (path: string, body: JsonObject = {}) => {
    const { _id } = await call(`recon${path}&waitForCompletion=true`, 'POST', body)
    return call(`recon/${String(_id)}`)
  }
  const runOf = async (mapping: string, isApproved: boolean) => {
    const analyze = isApproved ? '&analyze=true' : ''
    const run = await report(`?_action=recon&mapping=${mapping}&persistAssociations=true${analyze}`)
    return isApproved ? report(`/${String(run._id)}?_action=execute`, { allowApproximate: true }) : run
  }
  const query = async (path: string, filter: string) =>
    (await call(`${path}?_queryFilter=${encodeURIComponent(filter)}`)).result as JsonObject[]
  const run = async (name: string, { isApproved = false, isShared = true }: RunOptions = {}) => {
    const [shared = {}, alone = {}] = await Promise.all(SIDES.map((side) => runOf(`${side}${name}`, isApproved)))
    const nodes = Object.keys(shared.sourceProcessedByNode ?? {})
    if (isShared) assert.ok(nodes.length > 1, JSON.stringify(shared))
    assert.deepEqual(alone.sourceProcessedByNode, {})
    return { shared, alone }
  }
  const assertSameObjects = async (collection: string) => {
    const path = `managed/${collection}`
    for (const number of ['one', 'two'] as const) assertSame(both((side) => sorted(worlds[side][number].objects(path))))
    const names = both((side) => new Map(worlds[side].two.objects(path).map(({ _id, name }) => [_id, name])))
    const links = await query('repo/link', 'true')
    const linksOf = (side: Side) =>
      links
        .filter(({ linkType, secondId }) => String(linkType).startsWith(side) && names[side].has(secondId))
        .map(({ firstId, secondId, linkQualifier }) => [firstId, names[side].get(secondId), linkQualifier].join(' '))
        .sort()
    assertSame(both(linksOf))
  }
  return {
    ...{ worlds, run, assertSameObjects, query },
    inBoth: (work) => SIDES.forEach((side) => void work(worlds[side])),
    async compare(name, collection, options) {
      const reports = await run(name, options)
      assertSame(both((side) => told(reports[side])))
      await assertSameObjects(collection)
      return reports.shared
    },
    rows: async (text) => (await client.query(text)).rows as JsonObject[],
  }
}
