import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { MemoryCollection } from '../../lib/crest/protocol/collection.ts'
import type { QueryRequest, QueryResult, ReadRequest, Resource } from '../../lib/crest/protocol/request.ts'
import type { TestGateway } from '../gateway/parts.ts'
import { type RemoteIdm, reads, startRemoteIdm, startSyncGateway, writes } from './gateways.ts'

const SOURCE = 'external/idm/eu/managed/user'
const TARGET = 'external/idm/us/managed/user'
const MAPPING: JsonObject = {
  name: 'm',
  source: SOURCE,
  target: TARGET,
  maxDeletes: '100%',
  properties: ['userName', 'mail'].map((name) => ({ source: name, target: name })),
  correlationQuery: { linkQualifier: 'default', expressionTree: { any: ['userName'] } },
  policies: [
    { situation: 'SOURCE_MISSING', action: 'DELETE' },
    { situation: 'UNASSIGNED', action: 'DELETE' },
    { situation: 'FOUND', action: 'LINK', condition: '/object/userName eq "linked"' },
  ],
}

/** Objects whose revision nobody is told. */
class WithoutRevisions extends MemoryCollection {
  /** Called before the answer to each read by id. */
  onRead: ((request: ReadRequest) => Promise<void>) | undefined

  override async read(request: ReadRequest): Promise<Resource> {
    await this.onRead?.(request)
    return { ...(await super.read(request)), revision: null }
  }

  override async query(request: QueryRequest): Promise<QueryResult> {
    const answer = await super.query(request)
    return { ...answer, result: answer.result.map((resource) => ({ ...resource, revision: null })) }
  }
}

for (const kind of ['with', 'without'] as const)
  describe(`an approved plan, targets ${kind} revisions`, () => {
    let gateway: TestGateway
    let objects: MemoryCollection
    let eu: RemoteIdm
    let us: RemoteIdm

    beforeEach(async () => {
      objects = kind === 'with' ? new MemoryCollection() : new WithoutRevisions()
      ;[eu, us] = [await startRemoteIdm(), await startRemoteIdm({ 'managed/user': objects })]
      gateway = await startSyncGateway({ eu, us }, [MAPPING])
    })

    const connection = () => gateway.gateway.connection
    const post = async (path: string) => {
      const { status, json, text } = await gateway.call(path, { method: 'POST' })
      assert.equal(status, 200, text)
      return String((json as JsonObject)._id)
    }
    const recon = (more = '') =>
      post(`/recon?_action=recon&mapping=m&waitForCompletion=true&persistAssociations=true${more}`)
    const execute = (id: string) => post(`/recon/${id}?_action=execute&waitForCompletion=true`)
    /** `ACTION STATUS message` by source, or target where there is no source. */
    const entries = async (run: string) => {
      const answer = await gateway.call(`/recon/assoc/${run}/entry?_queryFilter=true`)
      const { result } = answer.json as { result: JsonObject[] }
      return Object.fromEntries(
        result.map(({ sourceObjectId, targetObjectId, action, status, message }) => [
          String(sourceObjectId ?? targetObjectId),
          `${String(action)} ${String(status)}${message === null ? '' : ` ${String(message)}`}`,
        ]),
      )
    }
    const mails = async () => {
      const { result } = await connection().query(TARGET, { _queryFilter: 'true' })
      return Object.fromEntries(result.map(({ userName, mail }) => [String(userName), mail]))
    }
    const changed = (what: string) => `SKIPPED The ${what} has changed since the plan was made: nothing was done`

    /** Linked pairs to be updated and deleted, a target to be linked, one without source. */
    async function planned(): Promise<string> {
      for (const name of ['u1', 'u2', 'd1', 'd2'])
        await connection().create(SOURCE, name, { userName: name, mail: 'old' })
      await recon()
      for (const name of ['u1', 'u2'])
        await connection().update(`${SOURCE}/${name}`, null, { userName: name, mail: 'new' })
      for (const name of ['d1', 'd2']) await connection().delete(`${SOURCE}/${name}`, null)
      await connection().create(SOURCE, 'linked', { userName: 'linked', mail: 'l' })
      for (const name of ['linked', 'x1', 'x2'])
        await connection().create(TARGET, name, { userName: name, mail: 'old' })
      return recon('&analyze=true')
    }
    const change = async (name: string) => {
      const { result } = await connection().query(TARGET, { _queryFilter: `userName eq "${name}"` })
      await connection().update(`${TARGET}/${String(result[0]?._id)}`, null, { userName: name, mail: 'by another' })
    }

    it('is carried out as it stands when nothing has changed', async () => {
      const run = await execute(await planned())
      assert.deepEqual(await entries(run), {
        u1: 'UPDATE SUCCESS',
        u2: 'UPDATE SUCCESS',
        d1: 'DELETE SUCCESS',
        d2: 'DELETE SUCCESS',
        linked: 'LINK SUCCESS',
        x1: 'DELETE SUCCESS',
        x2: 'DELETE SUCCESS',
      })
      assert.deepEqual(await mails(), { u1: 'new', u2: 'new', linked: 'old' })
    })

    it('skips and names targets that have changed since, or are gone', async () => {
      const plan = await planned()
      for (const name of ['u1', 'd1', 'linked', 'x1']) await change(name)
      await connection().delete(`${TARGET}/x2`, null)
      assert.deepEqual(await entries(await execute(plan)), {
        u1: `UPDATE ${changed('target')}`,
        u2: 'UPDATE SUCCESS',
        d1: `DELETE ${changed('target')}`,
        d2: 'DELETE SUCCESS',
        linked: `LINK ${changed('target')}`,
        x1: `DELETE ${changed('target')}`,
        x2: `DELETE ${changed('target')}`,
      })
      const by = 'by another'
      assert.deepEqual(await mails(), { u1: by, u2: 'new', d1: by, linked: by, x1: by })
    })

    it('creates nothing again that another run has created and linked since', async () => {
      await connection().create(SOURCE, 'a', { userName: 'a' })
      const plan = await recon('&analyze=true')
      await recon()
      assert.deepEqual(await entries(await execute(plan)), { a: `CREATE ${changed('link')}` })
      assert.deepEqual(Object.keys(await mails()), ['a'])
    })

    it('creates nothing that somebody else has created since, linked or not', async () => {
      for (const name of ['a', 'b', 'c']) await connection().create(SOURCE, name, { userName: name })
      const plan = await recon('&analyze=true')
      await connection().create(TARGET, 'other', { userName: 'B' })
      const appeared = 'A target that correlates has appeared since the plan was made: nothing was done'
      assert.deepEqual(await entries(await execute(plan)), {
        a: 'CREATE SUCCESS',
        b: `CREATE SKIPPED ${appeared}`,
        c: 'CREATE SUCCESS',
      })
      assert.deepEqual(Object.keys(await mails()).sort(), ['B', 'a', 'c'])
    })

    it('is not carried out with another mapping than it was made with', async () => {
      await connection().create(SOURCE, 'a', { userName: 'a' })
      const plan = await recon('&analyze=true')
      const put = async (mapping: JsonObject) => {
        const answer = await gateway.call('/config/sync', { method: 'PUT', json: { mappings: [mapping] } })
        assert.equal(answer.status, 200, answer.text)
      }
      await put({ ...MAPPING, target: 'external/idm/eu/managed/alpha_user' })
      const refused = await gateway.call(`/recon/${plan}?_action=execute`, { method: 'POST' })
      const message = 'The mapping m has changed since the plan was made: make another plan'
      assert.deepEqual([refused.status, (refused.json as JsonObject).message], [409, message])
      await put(MAPPING)
      assert.deepEqual(await entries(await execute(plan)), { a: 'CREATE SUCCESS' })
    })

    it('asks for what it is about with few queries', async () => {
      const names = Array.from({ length: 150 }, (_, index) => `n${index}`)
      for (const name of names) await connection().create(SOURCE, name, { userName: name, mail: 'old' })
      await recon()
      for (const name of names) await connection().update(`${SOURCE}/${name}`, null, { userName: name, mail: 'new' })
      const plan = await recon('&analyze=true')
      for (const remote of [eu, us]) remote.requests.length = 0
      await execute(plan)
      assert.equal(writes(us), 150)
      assert.ok(reads(eu) <= 3, `${reads(eu)} reads of sources`)
      const looks = kind === 'with' ? 0 : 150
      assert.ok(reads(us) - looks <= 3, `${reads(us)} reads of targets`)
    })

    it('skips a target that changes between the look and the write', async () => {
      const plan = await planned()
      if (!(objects instanceof WithoutRevisions)) return
      const before = await mails()
      const all = objects
      all.onRead = async (request) => {
        all.onRead = undefined
        const { content } = await MemoryCollection.prototype.read.call(all, request)
        const late = { ...request, method: 'update', revision: null, content: { ...content, mail: 'late' } } as const
        await all.update(late)
      }
      const found = Object.values(await entries(await execute(plan)))
      assert.equal(found.filter((entry) => entry.endsWith(changed('target'))).length, 1)
      assert.equal(Object.values(await mails()).filter((mail) => mail === 'late').length, 1)
      assert.equal(Object.values(before).includes('late'), false)
    })
  })
