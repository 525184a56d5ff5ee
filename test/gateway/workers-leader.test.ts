import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { until } from '../helpers/until.ts'
import {
  EACH,
  holdCreates,
  isWriting,
  leaders,
  MAPPING,
  startWorkersStage,
  type WorkersStage,
  workersOf,
} from './workers-stage.ts'

/** A leader with a run that waits for its target. */
async function stageWithRun(workers = 3): Promise<{ stage: WorkersStage; run: string }> {
  const stage = await startWorkersStage({ workers })
  holdCreates(stage.target, 60)
  const started = await stage.recon()
  const run = String((started.json as JsonObject)._id)
  await until(() => isWriting(stage.target), 'the run writes')
  return { stage, run }
}

const usersAt = async ({ target }: WorkersStage) =>
  (await target.connection.query('managed/user', { _queryFilter: 'true' })).result
    .map(({ userName }) => userName)
    .sort()

const USERS = ['u1', 'u2', 'u3']

describe('the leader of the workers', () => {
  before(function () {
    if (process.platform !== 'linux') this.skip()
  })

  it('killed in the middle of a run: another marks it and serves, and the next run completes it', async () => {
    const { stage, run } = await stageWithRun()
    const killed = stage.leader()
    process.kill(killed, 'SIGKILL')
    await until(() => leaders(stage.gateway).length === 2, 'another leads')
    assert.notEqual(stage.leader(), killed)
    const marked = await stage.patiently(`recon/${run}`)
    assert.equal((marked.json as JsonObject).state, 'FAILED')
    stage.target.interfere = undefined
    const next = await stage.patiently('recon?_action=recon&mapping=m&waitForCompletion=true', { method: 'POST' })
    assert.equal((next.json as JsonObject).state, 'SUCCESS', next.text)
    assert.deepEqual(await usersAt(stage), USERS)
    await until(() => workersOf(stage.gateway).length === 3 && stage.gateway.process.stderr.includes('is ready'))
    assert.equal(leaders(stage.gateway).length, 2, 'the replacement follows')
    for (const { status } of await stage.everywhere(`recon/${run}`)) assert.equal(status, 200)
  })

  it('killed again and again: each takes its turn', async () => {
    const { gateway, patiently, leader, recon } = await startWorkersStage({ workers: 2 })
    for (let n = 1; n <= 3; n++) {
      process.kill(leader(), 'SIGKILL')
      await until(() => leaders(gateway).length === n + 1, 'another leads')
      await until(() => workersOf(gateway).length === 2)
      assert.equal((await patiently('recon')).status, 200)
    }
    await until(async () => (await recon('&waitForCompletion=true')).status === 200, 'a run completes')
  })

  it('killed: requests under way are answered 503 with Retry-After, and those that come meanwhile wait', async () => {
    const names = Array.from({ length: EACH }, (_, n) => `m${n}`)
    const mappings = names.map((name) => ({ ...MAPPING, name }))
    const { gateway, target, leader } = await startWorkersStage({ workers: 2, conf: { 'sync.json': { mappings } } })
    holdCreates(target, 60)
    // Those that the leader itself receives end with its connections.
    const calls = names.map((name) =>
      gateway
        .call(`recon?_action=recon&mapping=${name}&waitForCompletion=true`, { method: 'POST' })
        .catch(() => undefined),
    )
    const active = async () => ((await gateway.call('health/recon')).json as JsonObject).activeThreads
    await until(async () => (await active()) === EACH, 'all run')
    process.kill(leader(), 'SIGKILL')
    const answers = (await Promise.all(calls)).filter((answer) => answer !== undefined)
    assert.ok(answers.length > 0)
    for (const { status, headers, json } of answers) {
      assert.deepEqual([status, headers['retry-after']], [503, '1'])
      assert.match(String((json as JsonObject).message), /moves to another process: try again/)
    }
    const meanwhile = await gateway.call('health/recon')
    assert.equal(meanwhile.status, 200, meanwhile.text)
    assert.equal((meanwhile.json as JsonObject).activeThreads, 0)
  })

  it('runs schedules once, and another goes on with them', async () => {
    const schedule = {
      schedule: '* * * * * ?',
      invokeService: 'script',
      invokeContext: { script: { type: 'text/javascript', source: 'logger.info("the schedule ran")' } },
    }
    const { gateway, leader, patiently } = await startWorkersStage({
      workers: 3,
      conf: { 'schedule-s.json': schedule, 'gateway.json': { live: true } },
    })
    const ran = () =>
      gateway.process.stderr
        .split('\n')
        .filter((line) => line.includes('the schedule ran'))
        .map((line) => JSON.parse(line) as { worker: string; time: string })
    const oncePerSecond = () => {
      const seconds = ran().map(({ time }) => time.slice(0, 'YYYY-MM-DDTHH:MM:SS'.length))
      assert.deepEqual(seconds, [...new Set(seconds)])
    }
    await until(() => ran().length >= 3, 'it ran three times')
    oncePerSecond()
    const [first] = ran()
    const killed = leader()
    assert.equal(Number(first?.worker), killed)
    process.kill(killed, 'SIGKILL')
    await until(() => ran().some(({ worker }) => Number(worker) !== killed), 'another runs it')
    const paused = await patiently('scheduler/job?_action=pauseJobs', { method: 'POST' })
    assert.equal(paused.status, 200, paused.text)
    assert.deepEqual([...new Set(ran().map(({ worker }) => Number(worker)))], [killed, leader()])
  })

  it('is told to stop while it runs one: the run ends in order, and its caller is answered', async () => {
    const { gateway, target, ...stage } = await startWorkersStage({ conf: { 'gateway.json': { stopTimeout: '2 s' } } })
    holdCreates(target, 60)
    const calls = Array.from({ length: EACH }, () => stage.recon('&waitForCompletion=true').catch(() => undefined))
    await until(() => isWriting(target), 'the run writes')
    const workers = workersOf(gateway)
    assert.deepEqual(await gateway.process.kill('SIGTERM'), { code: 0, signal: null })
    const answers = (await Promise.all(calls)).filter((answer) => answer !== undefined)
    const states = answers.filter(({ status }) => status === 200).map(({ json }) => (json as JsonObject).state)
    assert.ok(states.length <= 1 && states.every((state) => state !== 'ACTIVE'), String(states))
    for (const pid of workers) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
    assert.equal(leaders(gateway).length, 1, 'nobody takes over')
    assert.ok(!gateway.process.stderr.includes('"level":"error"'), gateway.process.stderr)
  })

  it('alone is told to stop: it ends its run in order, and another takes over', async () => {
    const { stage, run } = await stageWithRun(2)
    process.kill(stage.leader(), 'SIGTERM')
    await until(() => leaders(stage.gateway).length === 2, 'another leads')
    const ended = await stage.patiently(`recon/${run}`)
    assert.notEqual((ended.json as JsonObject).state, 'ACTIVE')
    assert.notEqual((ended.json as JsonObject).stage, 'COMPLETED_FAILED')
  })
})
