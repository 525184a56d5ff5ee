import assert from 'node:assert/strict'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { JsonObject } from '../../../lib/contract.ts'
import { openRepository } from '../../../lib/repo/open.ts'
import { tempDir, writeFiles } from '../../helpers/files.ts'
import { until } from '../../helpers/until.ts'
import { silent } from '../../repo/repositories.ts'
import { startGateway, type TestGateway, withGateway } from '../parts.ts'

const script = (source: string) => ({ script: { type: 'text/javascript', source } })
const CREATE = script("openidm.create('managed/role', null, { name: 'r' })")
const NIGHTLY = { schedule: '0 0 2 * * ?', timeZone: 'UTC', invokeService: 'script', invokeContext: CREATE }
const OFTEN = { type: 'simple', repeatInterval: 50, invokeService: 'script', invokeContext: CREATE }

type Call = TestGateway['call']

const clientOf = (call: Call) => ({
  put: async (name: string, json: object) => call(`/scheduler/job/${name}`, { method: 'PUT', json }),
  get: async (name: string) => (await call(`/scheduler/job/${name}`)).json as JsonObject,
  act: async (action: string, json?: object, kind = '/job') =>
    call(`/scheduler${kind}?_action=${action}`, { method: 'POST', ...(json && { json }) }),
  list: async (query = '_queryFilter=true', kind = 'job') =>
    ((await call(`/scheduler/${kind}?${query}`)).json as { result: JsonObject[] }).result,
  roles: async () => {
    const { json } = await call('/managed/role?_queryFilter=true&_fields=_id')
    return (json as { result: unknown[] }).result.length
  },
})

describe('scheduler/job', function () {
  this.timeout(30_000)

  it('creates, reads, updates, lists and deletes', async () => {
    const { call } = await startGateway()
    const { put, get, list } = clientOf(call)
    const created = await put('nightly', NIGHTLY)
    assert.equal(created.status, 201, created.text)
    const { triggers, nextRunDate, ...job } = created.json as JsonObject & { triggers: JsonObject[] }
    assert.deepEqual(job, {
      _id: 'nightly',
      enabled: true,
      persisted: true,
      recoverable: false,
      misfirePolicy: 'fireAndProceed',
      schedule: '0 0 2 * * ?',
      repeatInterval: 0,
      repeatCount: 0,
      type: 'cron',
      invokeService: 'org.forgerock.openidm.script',
      invokeContext: CREATE,
      invokeLogLevel: 'info',
      timeZone: 'UTC',
      startTime: null,
      endTime: null,
      concurrentExecution: false,
      previousRunDate: null,
    })
    assert.match(String(nextRunDate), /T02:00:00\.000Z$/)
    assert.deepEqual(await get('nightly'), created.json)

    const id = 'scheduler-service-group.trigger-nightly'
    const trigger = (await call(`/scheduler/trigger/${id}`)).json as JsonObject & { serialized: JsonObject }
    assert.deepEqual({ ...triggers[0] }, trigger)
    assert.deepEqual([trigger._id, trigger.jobKey, trigger.state], [id, 'scheduler-service-group.nightly', 'NORMAL'])
    assert.equal(trigger.serialized.nextFireTime, Date.parse(String(nextRunDate)))
    assert.deepEqual(await list('_queryFilter=true&_fields=_id', 'trigger'), [{ _id: id }])

    const updated = await put('nightly', { ...(created.json as object), enabled: false })
    assert.equal(updated.status, 200, updated.text)
    const off = updated.json as JsonObject
    assert.deepEqual([off.enabled, off.triggers, off.nextRunDate], [false, [], null])
    assert.deepEqual(await list('_queryFilter=true', 'trigger'), [])

    const posted = await call('/scheduler/job?_action=create', { method: 'POST', json: NIGHTLY })
    assert.equal(posted.status, 201)
    const { _id } = posted.json as { _id: string }
    assert.deepEqual(await list('_queryFilter=enabled+eq+true&_fields=_id'), [{ _id }])
    assert.deepEqual(
      await list('_queryId=query-all-ids'),
      [_id, 'nightly'].sort().map((name) => ({ _id: name })),
    )
    assert.equal((await call('/scheduler/job/nightly', { method: 'DELETE' })).status, 200)
    assert.equal((await call('/scheduler/job/nightly')).status, 404)
    assert.equal((await call('/scheduler/job/nightly', { method: 'DELETE' })).status, 404)
  })

  const WRONG: [title: string, content: object][] = [
    ['no schedule', { ...NIGHTLY, schedule: null }],
    ['a service that is not here', { ...NIGHTLY, invokeService: 'taskscanner' }],
    ['an unknown time zone', { ...NIGHTLY, timeZone: 'Europe/Nowhere' }],
    ['a script that does not compile', { ...NIGHTLY, invokeContext: script('(') }],
  ]
  it('refuses what cannot be kept', async () => {
    const { call } = await startGateway()
    const { put, list } = clientOf(call)
    for (const [title, content] of WRONG) assert.equal((await put('wrong', content)).status, 400, title)
    assert.deepEqual(await list(), [])
  })

  it('tells valid expressions', async () => {
    const { call } = await startGateway()
    const { act } = clientOf(call)
    for (const kind of ['', '/job'])
      for (const [cronExpression, valid] of [
        ['0 0/1 * * * ?', true],
        ['often', false],
      ] as const) {
        const { json } = await act('validateQuartzCronExpression', { cronExpression }, kind)
        assert.deepEqual(json, { valid })
      }
    assert.equal((await act('validateQuartzCronExpression', {})).status, 400)
    assert.equal((await act('explode')).status, 400)
  })

  it('runs jobs, pauses and resumes them, and lists what runs', async () => {
    const { call, gateway, log } = await startGateway()
    const { put, get, act, roles } = clientOf(call)
    await put('often', OFTEN)
    await until(async () => (await roles()) > 1)
    assert.deepEqual((await act('pauseJobs')).json, { success: true })
    await until(async () => ((await act('listCurrentlyExecutingJobs')).json as unknown[]).length === 0)
    const paused = await get('often')
    assert.equal((paused.triggers as JsonObject[])[0]?.state, 'PAUSED')
    const count = log.with('schedule often has run').length
    await put('again', OFTEN)
    await until(async () => ((await get('again')).triggers as unknown[]).length === 1)
    assert.equal(log.with('schedule again has run').length, 0)
    assert.equal(log.with('schedule often has run').length, count)
    assert.deepEqual((await act('resumeJobs')).json, { success: true })
    await until(() => log.with('schedule often has run').length > count)
    await until(() => log.with('schedule again has run').length > 0)

    const wait = "while (openidm.read('managed/role/go') === null) ;"
    await put('slow', { ...OFTEN, repeatInterval: 10, invokeContext: script(wait) })
    await until(async () => {
      const running = (await act('listCurrentlyExecutingJobs')).json as JsonObject[]
      return running.filter(({ invokeContext }) => JSON.stringify(invokeContext).includes('/go')).length === 1
    })
    await until(() => log.with('schedule slow is still running: skipped').length > 0)
    await gateway.connection.create('managed/role', 'go', { name: 'go' })
    await until(() => log.with('schedule slow has run').length > 1)
  })

  it('runs a job on demand', async () => {
    const { call } = await startGateway()
    const { put, roles } = clientOf(call)
    await put('nightly', NIGHTLY)
    const trigger = () => call('/scheduler/job/nightly?_action=trigger', { method: 'POST' })
    assert.deepEqual((await trigger()).json, { success: true })
    await until(async () => (await roles()) === 1)
    await put('nightly', { ...NIGHTLY, enabled: false })
    assert.equal((await trigger()).status, 400)
  })

  it('has the jobs of files, which change and go with them', async () => {
    const { call, project } = await startGateway({
      conf: {
        'schedule-nightly.json': {
          ...NIGHTLY,
          invokeContext: { ...CREATE, input: { secret: '&{the.secret|s3cret}' } },
        },
      },
    })
    const { put, get } = clientOf(call)
    const job = await get('nightly')
    assert.deepEqual(
      [job.persisted, (job.invokeContext as JsonObject).input],
      [false, { secret: '&{the.secret|s3cret}' }],
    )
    const { status, json } = await put('nightly', { ...job, schedule: '0 0 3 * * ?' })
    assert.equal(status, 200)
    assert.match(String((json as JsonObject).nextRunDate), /T03:00:00\.000Z$/)
    const file = join(project.conf, 'schedule-nightly.json')
    const written = JSON.parse(await readFile(file, 'utf8')) as JsonObject
    assert.deepEqual([written.schedule, written.triggers, written.nextRunDate], ['0 0 3 * * ?', undefined, undefined])
    assert.deepEqual((written.invokeContext as JsonObject).input, { secret: '&{the.secret|s3cret}' })
    assert.equal((await call('/scheduler/job/nightly', { method: 'DELETE' })).status, 200)
    await assert.rejects(readFile(file))
    assert.equal((await call('/scheduler/job/nightly')).status, 404)
    await call('/config/schedule/s1', { method: 'PUT', json: NIGHTLY })
    assert.equal((await get('s1'))._id, 's1')
    await rm(join(project.conf, 'schedule-s1.json'))
    await until(async () => (await call('/scheduler/job/s1')).status === 404)
  })

  describe('after a restart', () => {
    /** Lets `hours` pass for a job while no gateway runs. */
    const letPass = async (dir: string, name: string, hours: number) => {
      const repository = await openRepository({ file: join(dir, 'db', 'openidm.db'), log: silent })
      const states = await repository.store('scheduler/trigger')
      const { content } = await states.get(name)
      const earlier = (time: unknown) => new Date(Date.parse(String(time)) - hours * 3_600_000).toISOString()
      await states.replace(name, null, {
        ...content,
        activated: earlier(content.activated),
        next: earlier(content.next),
      })
      await repository.close()
    }
    const HOURLY = { ...OFTEN, repeatInterval: 3_600_000 }

    for (const place of ['a file', 'REST'] as const)
      for (const [misfirePolicy, runs] of [
        ['fireAndProceed', 2],
        ['doNothing', 1],
      ] as const)
        it(`a persisted job of ${place} keeps its times; ${misfirePolicy} makes ${runs} runs of one and a missed one`, async () => {
          const dir = await tempDir()
          const hourly = { ...HOURLY, misfirePolicy, persisted: true }
          if (place === 'a file') await writeFiles(join(dir, 'conf'), { 'schedule-hourly.json': hourly })
          const before = await withGateway(dir, async (call) => {
            const { put, get, roles } = clientOf(call)
            if (place === 'REST') await put('hourly', hourly)
            await until(async () => (await roles()) === 1)
            return get('hourly')
          })
          await withGateway(dir, async (call) => {
            const { get, roles } = clientOf(call)
            assert.deepEqual([(await get('hourly')).nextRunDate, await roles()], [before.nextRunDate, 1])
          })
          await letPass(dir, 'hourly', 5)
          await withGateway(dir, async (call) => {
            const { get, roles } = clientOf(call)
            await until(async () => Date.parse(String((await get('hourly')).nextRunDate)) > Date.now())
            const isSame = (await get('hourly')).previousRunDate === before.previousRunDate
            assert.equal(isSame, runs === 1)
            await until(async () => (await roles()) === runs)
          })
        })

    it('a job that was switched off has missed nothing', async () => {
      const dir = await tempDir()
      await withGateway(dir, async (call) => {
        const { put, roles } = clientOf(call)
        await put('hourly', HOURLY)
        await until(async () => (await roles()) === 1)
        await put('hourly', { ...HOURLY, enabled: false })
      })
      await assert.rejects(letPass(dir, 'hourly', 5), { code: 404 })
    })

    it('jobs stay paused; one that is not persisted is gone, and so is the state of a file that is gone', async () => {
      const dir = await tempDir()
      const file = { ...HOURLY, persisted: true }
      await writeFiles(join(dir, 'conf'), { 'schedule-file.json': file })
      await withGateway(dir, async (call) => {
        const { put, act, roles } = clientOf(call)
        await until(async () => (await roles()) === 1)
        await act('pauseJobs')
        await put('memory', { ...HOURLY, persisted: false })
        await put('disk', HOURLY)
      })
      await rm(join(dir, 'conf', 'schedule-file.json'))
      await withGateway(dir, async (call) => {
        const { get, list, act, roles } = clientOf(call)
        assert.deepEqual(await list('_queryFilter=true&_fields=_id'), [{ _id: 'disk' }])
        assert.equal(((await get('disk')).triggers as JsonObject[])[0]?.state, 'PAUSED')
        assert.equal(await roles(), 1)
        await act('resumeJobs')
        await until(async () => (await roles()) === 2)
      })
      await writeFiles(join(dir, 'conf'), { 'schedule-file.json': file })
      await withGateway(dir, async (call) => until(async () => (await clientOf(call).roles()) === 3))
    })
  })
})
