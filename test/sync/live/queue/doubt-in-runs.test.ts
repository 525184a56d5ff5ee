import assert from 'node:assert/strict'
import type { JsonObject } from '../../../../lib/contract.ts'
import { cutAfter, errorAnswer, type FakeIdm, fakeIdm, respond } from '../../../helpers/fake-idm/fake-idm.ts'
import { until } from '../../../helpers/until.ts'
import { js } from '../live-stage.ts'
import { QueueStage, queuedMapping, SOURCE, TARGET } from './queue-stage.ts'

const names = (target: FakeIdm) =>
  target
    .objects('managed/user')
    .map(({ mail }) => mail)
    .sort()
const isCreate = ({ method }: { method: string }) => method === 'POST'
const isPut = ({ method }: { method: string }) => method === 'PUT'

/** The target creates objects and does not say so, nor shows them. */
function loseAnswers(target: FakeIdm): { end(): void } {
  const late = async (_request: unknown, next: () => Promise<unknown>) => {
    await next()
    return errorAnswer(504, 'Late')
  }
  const faults = [target.intercept(isPut, late), target.intercept('GET managed/user/*', respond(errorAnswer(400, '')))]
  return {
    end() {
      for (const one of faults) one.remove()
    },
  }
}

/** A target that chooses ids, unless said otherwise, and a mapping that correlates nothing. */
async function start(switches: Parameters<typeof fakeIdm>[0] = { clientIds: 403 }, more: JsonObject = {}) {
  const target = await fakeIdm({ collections: ['managed/user'], ...switches })
  const policies = [{ situation: 'UNASSIGNED', action: 'IGNORE' }]
  const mapping = { properties: [{ source: 'mail', target: 'mail' }], policies, ...more }
  const stage = await QueueStage.start({ target, queuedSync: { maxRetries: 0 }, mapping })
  const recon = async (json: JsonObject = {}) => {
    const path = '/recon?_action=recon&mapping=m&waitForCompletion=true'
    const { _id } = await stage.call(path, { method: 'POST', json })
    return stage.call(`/recon/${_id}`)
  }
  return { target, stage, recon }
}

describe('a creation that the queue has left in doubt', () => {
  it('is not repeated by a run, until the dead letter is dropped', async () => {
    const { target, stage, recon } = await start()
    target.intercept(isCreate, cutAfter(), { times: 1 })
    await stage.put('a', '1')
    await stage.drained()
    assert.equal((await stage.letters()).length, 1)
    const run = await recon()
    assert.deepEqual([names(target), run.statusSummary], [['1'], { SUCCESS: 1, FAILURE: 1 }])
    // Somebody has looked, and it was not there.
    target.delete('managed/user', target.ids('managed/user')[0] ?? '')
    assert.deepEqual((await recon()).statusSummary, { SUCCESS: 0, FAILURE: 1 })
    await stage.post('/repo/synchronisation/deadLetterQueue/m?_action=drop')
    assert.deepEqual((await recon()).statusSummary, { SUCCESS: 1, FAILURE: 0 })
    assert.deepEqual(names(target), ['1'])
  })

  it('is repeated by a run that is told so', async () => {
    const { target, stage, recon } = await start()
    target.intercept(isCreate, cutAfter(), { times: 1 })
    await stage.put('a', '1')
    await stage.drained()
    target.delete('managed/user', target.ids('managed/user')[0] ?? '')
    assert.deepEqual((await recon({ createUnknown: true })).statusSummary, { SUCCESS: 1, FAILURE: 0 })
    // The dead letter finds the target linked.
    await stage.post('/repo/synchronisation/deadLetterQueue/m?_action=retry')
    await stage.drained()
    assert.deepEqual([names(target), await stage.letters()], [['1'], []])
  })

  it('is settled by the queue where the target keeps ids: no run deletes its target meanwhile', async () => {
    const { target, stage, recon } = await start({}, { policies: [{ situation: 'UNASSIGNED', action: 'DELETE' }] })
    await stage.put('a', 'a')
    await stage.drained()
    const lost = loseAnswers(target)
    await stage.put('b', 'b')
    await stage.drained()
    lost.end()
    assert.deepEqual([names(target), (await stage.letters()).length], [['a', 'b'], 1])
    assert.deepEqual((await recon()).statusSummary, { SUCCESS: 1, FAILURE: 1, DEFERRED: 1 })
    await stage.post('/repo/synchronisation/deadLetterQueue/m?_action=retry')
    await stage.drained()
    assert.deepEqual((await recon()).statusSummary, { SUCCESS: 2, FAILURE: 0 })
    assert.deepEqual([names(target), await stage.letters()], [['a', 'b'], []])
  })
})

describe('a creation that the queue is about to carry out', () => {
  it('is waited for by a run, and no failure', async () => {
    const { target, stage, recon } = await start()
    const [asked, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    target.intercept(isCreate, async (_request, next) => {
      asked.resolve()
      await answered.promise
      return next()
    })
    await stage.put('a', 'a')
    await asked.promise
    const run = recon()
    // Its sources are read while the creation is under way.
    const lists = () => stage.eu.requests.filter((line) => line.includes('_queryFilter')).length
    await until(() => lists() > 0, 'the run reads its sources')
    await new Promise((resolve) => setTimeout(resolve, 100))
    answered.resolve()
    assert.deepEqual([(await run).statusSummary, names(target)], [{ SUCCESS: 1, FAILURE: 0 }, ['a']])
  })
})

describe('a creation that a run has left in doubt', () => {
  it('is not repeated by a change of its source, nor by those after it', async () => {
    const { target, stage, recon } = await start()
    await stage.eu.connection.create('managed/user', 'a', { mail: '1' })
    target.intercept(isCreate, cutAfter(), { times: 1 })
    assert.deepEqual((await recon()).statusSummary, { SUCCESS: 0, FAILURE: 0, UNKNOWN: 1 })
    await stage.put('a', '2')
    await stage.drained()
    await stage.put('a', '3')
    await stage.put('b', 'b')
    await stage.drained()
    assert.deepEqual(names(target), ['1', 'b'])
    const letters = await stage.letters()
    assert.deepEqual(letters.map(({ resourceId }) => resourceId).sort(), ['a', 'a'])
    assert.match(JSON.stringify(letters[0]?.failureCause), /may have created the target.*createUnknown/)
  })

  it('nor by one that is carried over at once', async () => {
    const { target, stage, recon } = await start({ clientIds: 403 }, { queuedSync: { enabled: false } })
    await stage.eu.connection.create('managed/user', 'a', { mail: '1' })
    target.intercept(isCreate, cutAfter(), { times: 1 })
    await recon()
    await stage.put('a', '2')
    assert.deepEqual(names(target), ['1'])
  })
})

describe('a target that a queued change has created, and not linked yet', () => {
  /** With a mapping in the other direction, which carries changes over at once. */
  async function startTwoWay(more: JsonObject = {}) {
    const target = await fakeIdm({ collections: ['managed/user'] })
    const properties = [{ source: 'mail', target: 'mail' }]
    const back: JsonObject = { name: 'back', source: TARGET, target: SOURCE, links: 'm', properties, ...more }
    const mappings = [queuedMapping({ queuedSync: { maxRetries: 0 }, mapping: { properties } }), back]
    const stage = await QueueStage.start({ target, conf: { 'sync.json': { mappings } } })
    const sources = async () => {
      const { result } = await stage.eu.connection.query('managed/user', { _queryFilter: 'true' })
      return result.map(({ mail }) => mail)
    }
    /** The target has been changed. @returns what was carried over, or why not */
    const notify = async (id: string) => {
      const path = `/sync?_action=notifyUpdate&resourceContainer=${TARGET}&resourceId=${id}`
      const [detail = {}] = (await stage.call(path, { method: 'POST', json: {} })) as unknown as JsonObject[]
      return (detail.cause as JsonObject | undefined)?.message ?? detail.result
    }
    return { target, stage, sources, notify }
  }

  it('is no new source of the mapping in the other direction', async () => {
    const { target, stage, sources, notify } = await startTwoWay()
    const lost = loseAnswers(target)
    await stage.put('a', 'a')
    await stage.drained()
    lost.end()
    const recon = async () => {
      const { _id } = await stage.post('/recon?_action=recon&mapping=back&waitForCompletion=true')
      return (await stage.call(`/recon/${_id}`)).statusSummary
    }
    assert.deepEqual([await recon(), await sources()], [{ SUCCESS: 0, FAILURE: 2 }, ['a']])
    const [id = ''] = target.ids('managed/user')
    assert.match(String(await notify(id)), /has created this object/)
    assert.deepEqual(await sources(), ['a'])
    await stage.post('/repo/synchronisation/deadLetterQueue/m?_action=retry')
    await stage.drained()
    target.seed('managed/user', [{ _id: id, mail: 'b' }])
    assert.deepEqual([await notify(id), await sources()], ['SUCCESSFUL', ['b']])
    assert.deepEqual([await recon(), await sources()], [{ SUCCESS: 1, FAILURE: 0 }, ['b']])
  })

  /** Creates a target, and answers when it is told to. */
  function slowCreation(target: FakeIdm) {
    const [created, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    target.intercept(isPut, async (_request, next) => {
      const answer = await next()
      created.resolve()
      await answered.promise
      return answer
    })
    return { created: created.promise, answer: answered.resolve }
  }

  it('whose link is about to be stored is waited for', async () => {
    const { target, stage, sources, notify } = await startTwoWay()
    const { created, answer } = slowCreation(target)
    await stage.put('a', 'a')
    await created
    const [id = ''] = target.ids('managed/user')
    const notified = notify(id)
    await until(() => target.requests.some(({ method, path }) => method === 'GET' && path.includes(id)), 'it is read')
    answer()
    assert.deepEqual([await notified, await sources()], ['SUCCESSFUL', ['a']])
  })

  it('that a run meets while it is being created is not created by the run', async () => {
    const { target, stage, sources } = await startTwoWay()
    const { created, answer } = slowCreation(target)
    const [asked, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const isList = ({ method, path }: { method: string; path: string }) => method === 'GET' && path === 'managed/user'
    target.intercept(isList, async (_request, next) => {
      asked.resolve()
      await held.promise
      return next()
    })
    const run = stage.post('/recon?_action=recon&mapping=back&waitForCompletion=true')
    await asked.promise
    await stage.put('a', 'a')
    await created
    held.resolve()
    await run
    answer()
    await stage.drained()
    assert.deepEqual(await sources(), ['a'])
  })

  it('whose link is stored while it is evaluated is evaluated again', async () => {
    const script = `openidm.read('${TARGET}/held'); ({ _queryFilter: 'userName eq "nobody"' })`
    const { target, stage, sources, notify } = await startTwoWay({ correlationQuery: js(script) })
    const { created, answer } = slowCreation(target)
    const [asked, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    target.intercept('GET managed/user/held', async (_request, next) => {
      asked.resolve()
      await held.promise
      return next()
    })
    await stage.put('a', 'a')
    await created
    const notified = notify(target.ids('managed/user')[0] ?? '')
    await asked.promise
    answer()
    await stage.drained()
    held.resolve()
    assert.deepEqual([await notified, await sources()], ['SUCCESSFUL', ['a']])
  })
})
