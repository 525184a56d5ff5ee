import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { JsonObject } from '../../lib/contract.ts'
import { until } from '../helpers/until.ts'
import { EACH, leaders, startWorkersStage, type WorkersStage } from './workers-stage.ts'

const LOCAL: JsonObject = {
  name: 'toB',
  source: 'managed/user',
  target: 'external/idm/b/managed/user',
  properties: [{ source: 'userName', target: 'userName' }],
  policies: [{ situation: 'ABSENT', action: 'CREATE' }],
}

const MANAGED = {
  objects: [
    {
      name: 'user',
      schema: { properties: { userName: { type: 'string' } } },
      onSync: {
        type: 'text/javascript',
        source: `if (!syncResults.success) throw { code: 409, message: syncResults.syncDetails[0].cause.message }`,
      },
    },
  ],
}

const start = (workers: number): Promise<WorkersStage> =>
  startWorkersStage({
    workers,
    users: [],
    conf: { 'managed.json': MANAGED, 'sync.json': { mappings: [LOCAL] }, 'gateway.json': { live: true } },
  })

const put = ({ gateway }: WorkersStage, id: string) =>
  gateway.call(`managed/user/${id}`, { method: 'PUT', json: { userName: id } })

const usersAt = async ({ target }: WorkersStage) =>
  (await target.connection.query('managed/user', { _queryFilter: 'true' })).result.map(({ userName }) => userName)

describe('implicit synchronization with --workers', () => {
  before(function () {
    if (process.platform !== 'linux') this.skip()
  })

  it('a change in any worker is carried over once, by the leader, before it is answered', async () => {
    const stage = await start(3)
    const ids = Array.from({ length: EACH }, (_, n) => `u${n}`)
    const answers = await Promise.all(ids.map((id) => put(stage, id)))
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [201])
    assert.deepEqual((await usersAt(stage)).sort(), ids.sort())
    const links = await stage.gateway.call('repo/link?_queryFilter=true&_countOnly=true')
    assert.equal((links.json as JsonObject).resultCount, EACH)
    const created = stage.target.requests.filter((line) => /^(?:PUT|POST) /.test(line))
    assert.equal(created.length, EACH)
    assert.equal(leaders(stage.gateway).length, 1)
    // The events that a crash would have left to the queue are gone.
    const database = new DatabaseSync(join(stage.project, 'db/openidm.db'), { readOnly: true })
    const [{ count } = {}] = database.prepare('select count(*) as count from sync_event').all()
    database.close()
    assert.equal(count, 0)
  })

  it('queued changes of any worker are carried over by the leader, and go on with the next leader', async () => {
    const mapping = { ...LOCAL, queuedSync: { enabled: true, retryDelay: 20, pollingInterval: 500 } }
    const stage = await startWorkersStage({
      ...{ workers: 2, users: [] },
      conf: { 'managed.json': MANAGED, 'sync.json': { mappings: [mapping] }, 'gateway.json': { live: true } },
    })
    const ids = Array.from({ length: EACH }, (_, n) => `u${n}`)
    const answers = await Promise.all(ids.map((id) => put(stage, id)))
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [201])
    await until(async () => (await usersAt(stage)).length === EACH, 'all are carried over')
    stage.target.interfere = ({ method }) => (method === 'GET' ? undefined : 503)
    const more = ids.slice(0, 6).map((id) => `v${id}`)
    await Promise.all(more.map((id) => put(stage, id)))
    process.kill(stage.leader(), 'SIGKILL')
    await until(() => leaders(stage.gateway).length === 2, 'another leads')
    stage.target.interfere = undefined
    await until(async () => (await usersAt(stage)).length === EACH + more.length, 'the next leader carries them over')
    assert.deepEqual((await usersAt(stage)).sort(), [...ids, ...more].sort())
  })

  it('a change while the leader ends stays, and its onSync knows what is not carried over', async () => {
    const stage = await start(2)
    // Until the target has shown that it keeps ids, nobody knows what became of a creation without an answer.
    assert.equal((await put(stage, 'first')).status, 201)
    // Both workers write: one of them is the leader.
    const refused: string[] = []
    let hasRefused = false
    stage.target.interfere = (request) => {
      if (request.method === 'GET') return undefined
      if (hasRefused) return 'never'
      hasRefused = true
      request.once('data', (body) => refused.push((JSON.parse(String(body)) as { userName: string }).userName))
      return 503
    }
    stage.target.retryAfter = '60'
    const ids = Array.from({ length: EACH }, (_, n) => `u${n}`)
    const writing = ids.map((id) => put(stage, id).catch(() => undefined))
    const count = async () => {
      const { json } = await stage.patiently('managed/user?_queryFilter=true&_countOnly=true')
      return Number((json as JsonObject).resultCount)
    }
    await until(async () => (await count()) === 1 + EACH, 'all are stored')
    // The leader waits for answers, or as long as the target has asked for; the next one has not been asked.
    stage.target.interfere = undefined
    process.kill(stage.leader(), 'SIGKILL')
    const all = await Promise.all(writing)
    const answers = all.filter((answer) => answer !== undefined)
    assert.ok(answers.length > 0, 'callers of the other worker are answered')
    for (const { status, text } of answers) assert.equal(status, 409, text)
    const open = ids.filter((_, index) => /moves to another process/.test(all[index]?.text ?? ''))
    // What the target has refused has ended, also where the answer was lost with the leader.
    const left = open.filter((id) => !refused.includes(id))
    assert.ok(left.length > 0, answers[0]?.text)
    await until(() => leaders(stage.gateway).length === 2, 'another leads')
    assert.equal(await count(), 1 + EACH)
    await until(async () => {
      const arrived = await usersAt(stage)
      return left.every((id) => arrived.includes(id))
    }, 'the next leader carries over what the other one had not ended')
  })
})
