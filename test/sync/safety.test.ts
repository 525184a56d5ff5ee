import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { preconditionFailed, ResourceException } from '../../lib/crest/errors.ts'
import { MemoryCollection } from '../../lib/crest/protocol/collection.ts'
import type {
  CreateRequest,
  PatchRequest,
  QueryRequest,
  QueryResult,
  ReadRequest,
  Resource,
} from '../../lib/crest/protocol/request.ts'
import { until } from '../helpers/until.ts'
import { tempRepository } from '../repo/repositories.ts'
import { startStage } from './parts.ts'

/** A collection whose queries can leave objects out or repeat them, as a living one may. */
class Living extends MemoryCollection {
  hidden: string | undefined
  repeats = false

  override async query(request: QueryRequest): Promise<QueryResult> {
    const answer = await super.query(request)
    const seen = answer.result.filter(({ id }) => id !== this.hidden)
    return { ...answer, result: this.repeats ? [...seen, ...seen] : seen }
  }

  /** Says whether it is there, though queries leave it out. */
  override read(request: ReadRequest): Promise<Resource> {
    return super.read(request)
  }
}

class Busy extends MemoryCollection {
  refusals = 3

  override async create(request: CreateRequest): Promise<Resource> {
    if (this.refusals > 0) {
      this.refusals -= 1
      throw new ResourceException(429, 'slower', { retryAfterMs: 5 })
    }
    return super.create(request)
  }
}

/** Somebody else writes just before the first update. */
class Contested extends MemoryCollection {
  contested = false

  override async patch(request: PatchRequest): Promise<Resource> {
    if (!this.contested) {
      this.contested = true
      const { content } = await super.read({ ...request, method: 'read' })
      await super.update({ ...request, method: 'update', revision: null, content: { ...content, city: 'Oslo' } })
    }
    if (request.revision === null) throw preconditionFailed('a write without If-Match')
    return super.patch(request)
  }
}

const DELETING = [{ situation: 'SOURCE_MISSING', action: 'DELETE' }]

describe('a reconciliation is careful', () => {
  it('calls nothing missing on the word of a scan alone', async () => {
    const source = new Living()
    const stage = await startStage({ source, mapping: { policies: DELETING } })
    await stage.put('a', '1', { name: 'one' })
    await stage.put('a', '2', { name: 'two' })
    await stage.run()
    source.hidden = '2'
    const run = await stage.run()
    assert.deepEqual(run.statusSummary, { SUCCESS: 2, FAILURE: 0 })
    assert.equal((await stage.ids('b')).length, 2)
  })

  it('finds a target again that the scan has missed', async () => {
    const target = new Living()
    const stage = await startStage({ target, mapping: { policies: [{ situation: 'MISSING', action: 'CREATE' }] } })
    await stage.put('a', '1', { name: 'one' })
    await stage.run()
    ;[target.hidden] = await stage.ids('b')
    await stage.put('b', 'other', { name: 'other' })
    const run = await stage.run()
    target.hidden = undefined
    assert.equal((run.situationSummary as JsonObject).MISSING, 0)
    assert.equal((await stage.ids('b')).length, 2)
  })

  it('leaves alone what is not in the target query, though sources correlate with it', async () => {
    const policies = [{ situation: 'UNASSIGNED', action: 'DELETE' }]
    const stage = await startStage({ mapping: { policies, targetQuery: { _queryFilter: 'ours eq true' } } })
    for (const id of ['t1', 't2']) await stage.put('b', id, { name: 'same', ours: false })
    await stage.put('b', 'lonely', { name: 'lonely', ours: true })
    await stage.put('a', '1', { name: 'same' })
    const run = await stage.run()
    assert.deepEqual(await stage.entries(run), {
      1: 'AMBIGUOUS EXCEPTION FAILURE',
      lonely: 'UNASSIGNED DELETE SUCCESS',
    })
    assert.deepEqual(await stage.ids('b'), ['t1', 't2'])
  })

  it('counts what pages repeat once', async () => {
    const source = new Living()
    source.repeats = true
    const stage = await startStage({ source })
    await stage.put('a', '1', { name: 'one' })
    const run = await stage.run()
    assert.equal((run.situationSummary as JsonObject).ABSENT, 1)
    assert.equal((await stage.ids('b')).length, 1)
  })

  it('gives what an earlier source will create to nobody else', async () => {
    const stage = await startStage()
    await stage.put('b', 'there', { name: 'there' })
    await stage.put('a', '1', { name: 'same' })
    await stage.put('a', '2', { name: 'SAME' })
    const run = await stage.run()
    const { there: _, ...entries } = await stage.entries(run)
    assert.deepEqual(entries, { 1: 'ABSENT CREATE SUCCESS', 2: 'FOUND_ALREADY_LINKED EXCEPTION FAILURE' })
    assert.equal((await stage.ids('b')).length, 2)
  })

  it('decides again, once, when somebody else was faster; what he wrote stays', async () => {
    const target = new Contested()
    const stage = await startStage({ target })
    await stage.put('a', '1', { name: 'one', mail: 'old' })
    await stage.run()
    await stage.connection.update('a/1', null, { name: 'one', mail: 'new' })
    const run = await stage.run()
    assert.deepEqual(run.statusSummary, { SUCCESS: 1, FAILURE: 0 })
    const [id = ''] = await stage.ids('b')
    const object = await stage.connection.read(`b/${id}`)
    assert.deepEqual([object?.mail, object?.city], ['new', 'Oslo'])
  })

  it('waits when the target says so', async () => {
    const stage = await startStage({ target: new Busy() })
    for (const id of ['1', '2', '3']) await stage.put('a', id, { name: id })
    const run = await stage.run()
    assert.deepEqual(run.statusSummary, { SUCCESS: 3, FAILURE: 0 })
  })

  it('stops before its first write when it would delete too much', async () => {
    const stage = await startStage({ mapping: { policies: DELETING } })
    for (let index = 0; index < 40; index++) await stage.put('a', `u${index}`, { name: `n${index}` })
    await stage.run()
    for (let index = 0; index < 30; index++) await stage.connection.delete(`a/u${index}`, null)
    await stage.connection.update('a/u39', null, { name: 'n39', mail: 'new' })
    const stopped = await stage.run()
    assert.equal(stopped.state, 'FAILED')
    assert.match(String(stopped.stageDescription), /would delete 30 of 40 targets, more than maxDeletes \(10 %\)/)
    assert.equal((await stage.ids('b')).length, 40)
    const allowed = await stage.run({}, { maxDeletes: '80%' })
    assert.equal(allowed.state, 'SUCCESS', String(allowed.stageDescription))
    assert.equal((await stage.ids('b')).length, 10)
    assert.equal((await stage.links()).length, 10)
  })

  it('leaves an empty source alone', async () => {
    const stage = await startStage({ mapping: { policies: DELETING } })
    await stage.put('a', '1', { name: 'one' })
    await stage.run()
    await stage.connection.delete('a/1', null)
    assert.equal((await stage.run()).state, 'SUCCESS')
    assert.equal((await stage.ids('b')).length, 1)
    await stage.run({}, { allowEmptySourceSet: true })
    assert.equal((await stage.ids('b')).length, 0)
  })

  it('writes nothing in an analysis, and carries exactly its plan out afterwards', async () => {
    const stage = await startStage()
    for (const id of ['1', '2', '3']) await stage.put('a', id, { name: id, mail: 'old' })
    const analysis = await stage.run({ analyze: true })
    assert.equal((await stage.ids('b')).length, 0)
    assert.deepEqual(analysis.situationSummary && (analysis.situationSummary as JsonObject).ABSENT, 3)
    await stage.connection.update('a/2', null, { name: '2', mail: 'changed since' })
    await stage.put('a', '4', { name: 'not in the plan' })
    const path = `recon/${String(analysis._id)}`
    const { _id } = (await stage.connection.action(path, 'execute', null, { waitForCompletion: true })) as JsonObject
    const run = (await stage.connection.read(`recon/${String(_id)}`)) ?? {}
    assert.deepEqual(await stage.entries(run), {
      1: 'ABSENT CREATE SUCCESS',
      2: 'ABSENT CREATE SKIPPED',
      3: 'ABSENT CREATE SUCCESS',
    })
    assert.equal((await stage.ids('b')).length, 2)
    await assert.rejects(stage.connection.action(path, 'execute'), { code: 409 })
  })

  it('runs once at a time for a mapping, stops when it is told to, and goes on the next time', async () => {
    const stage = await startStage({ mapping: { taskThreads: 2 }, target: new Slow() })
    for (let index = 0; index < 200; index++) await stage.put('a', `u${index}`, { name: `n${index}` })
    const { _id } = (await stage.connection.action('recon', 'recon', null, { mapping: 'm' })) as JsonObject
    await until(async () => (await stage.ids('b')).length > 5, 'it has begun')
    await assert.rejects(stage.run(), { code: 409 })
    const answer = await stage.connection.action(`recon/${String(_id)}`, 'cancel')
    assert.deepEqual(answer, { _id, action: 'cancel', status: 'INITIATED' })
    const run = await until(async () => {
      const now = await stage.connection.read(`recon/${String(_id)}`)
      return now?.state !== 'ACTIVE' && now
    })
    assert.deepEqual([run.state, run.stage], ['CANCELED', 'COMPLETED_CANCELED'])
    const done = (await stage.ids('b')).length
    assert.ok(done < 200)
    assert.equal((await stage.links()).length, done)
    const second = await stage.run()
    assert.equal((second.situationSummary as JsonObject).ABSENT, 200 - done)
    assert.equal((await stage.ids('b')).length, 200)
  })

  it('reconciles one source by its id, and touches no target besides', async () => {
    const stage = await startStage()
    await stage.put('b', 'lonely', { name: 'lonely' })
    await stage.put('a', '1', { name: 'one' })
    await stage.put('a', '2', { name: 'two' })
    const run = await stage.run({ id: '1' })
    assert.deepEqual(await stage.entries(run), { 1: 'ABSENT CREATE SUCCESS' })
    assert.deepEqual((run.parameters as JsonObject).sourceIds, ['1'])
  })

  it('shows a run that a crash interrupted as failed', async () => {
    const repository = await tempRepository()
    const content = {
      mapping: 'm',
      state: 'ACTIVE',
      stage: 'ACTIVE_RECONCILING_SOURCE',
      started: new Date().toISOString(),
    }
    await repository
      .runs()
      .insert({ id: 'r', mapping: 'm', state: 'ACTIVE', isAnalysis: false, persists: false, content })
    const stage = await startStage({ repository })
    const run = await stage.connection.read('recon/r')
    assert.deepEqual([run?.state, run?.stage], ['FAILED', 'INTERRUPTED'])
  })

  it('refuses what it cannot understand', async () => {
    const stage = await startStage()
    const start = (params: JsonObject, body: JsonObject | null = null, action = 'recon') =>
      stage.connection.action('recon', action, body, params)
    await assert.rejects(start({}), { code: 400 })
    await assert.rejects(start({ mapping: 'x' }), { code: 409, message: 'No such mapping: x' })
    await assert.rejects(start({ mapping: 'm' }, null, 'rec'), { code: 400 })
    await assert.rejects(start({ mapping: 'm' }, { targetQuerry: {} }), { code: 400 })
    await assert.rejects(start({ mapping: 'm' }, null, 'reconById'), { code: 400 })
    await assert.rejects(stage.connection.action('recon/none', 'cancel'), { code: 404 })
    assert.equal(await stage.connection.read('recon/none'), null)
  })
})

/** Takes a turn of the event loop and more for each write. */
class Slow extends MemoryCollection {
  override async create(request: CreateRequest): Promise<Resource> {
    for (let turn = 0; turn < 20; turn++) await new Promise((next) => setImmediate(next))
    return super.create(request)
  }
}
