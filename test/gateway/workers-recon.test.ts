import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import type { JsonObject } from '../../lib/contract.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { PASSWORD } from '../helpers/gateway-process.ts'
import type { CallResponse } from '../helpers/http.ts'
import { spawnNode } from '../helpers/process.ts'
import { until } from '../helpers/until.ts'
import {
  EACH,
  holdCreates,
  isWriting,
  leaders,
  MAPPING,
  startWorkersStage,
  type WorkersStage,
} from './workers-stage.ts'

const BIN = fileURLToPath(new URL('../../lib/bin.js', import.meta.url))

const statuses = (answers: readonly CallResponse[]) => [...new Set(answers.map(({ status }) => status))].sort()
const bodies = (answers: readonly CallResponse[]) => [...new Set(answers.map(({ text }) => text))]

const stateOf = async ({ gateway }: WorkersStage, run: unknown) =>
  ((await gateway.call(`recon/${String(run)}`)).json as JsonObject).state

describe('reconciliation with --workers', () => {
  before(function () {
    if (process.platform !== 'linux') this.skip()
  })

  describe('served by one for all', () => {
    ownedBySuite()
    let stage: WorkersStage

    before(async () => {
      stage = await startWorkersStage()
    })

    it('a run is seen by every worker while it runs and when it has ended', async () => {
      const { target, everywhere, recon } = stage
      holdCreates(target)
      const started = await recon()
      assert.equal(started.status, 200, started.text)
      const { _id: run } = started.json as JsonObject
      const active = await everywhere(`recon/${String(run)}`)
      assert.deepEqual([...new Set(active.map(({ json }) => (json as JsonObject).state))], ['ACTIVE'])
      target.interfere = undefined
      await until(async () => (await stateOf(stage, run)) === 'SUCCESS', 'the run ends')
      assert.equal(bodies(await everywhere(`recon/${String(run)}`)).length, 1)
      for (const path of ['audit/recon?_queryFilter=true', 'repo/link?_queryFilter=true&_sortKeys=firstId']) {
        const answers = await everywhere(path)
        assert.deepEqual([statuses(answers), bodies(answers).length], [[200], 1], path)
      }
    })

    it('a run has the author who called, whichever worker was called', async () => {
      for (let n = 0; n < 6; n++) {
        const { _id: run } = (await stage.recon('&waitForCompletion=true')).json as JsonObject
        const { startedBy } = (await stage.gateway.call(`recon/${String(run)}`)).json as JsonObject
        assert.equal(startedBy, 'openidm-admin')
      }
    })

    it('all its routes are served by every worker', async () => {
      for (const path of [
        'recon',
        'sync/mappings?_queryFilter=true',
        'health/recon',
        'scheduler/job?_queryFilter=true',
      ])
        assert.deepEqual(statuses(await stage.everywhere(path)), [200], path)
    })

    it('two runs of one mapping at once: one is refused', async () => {
      const { gateway, source, target, recon } = stage
      await source.connection.create('managed/user', 'u4', { userName: 'u4' })
      holdCreates(target)
      const answers = await Promise.all(Array.from({ length: EACH }, () => recon()))
      assert.deepEqual(statuses(answers), [200, 409])
      const started = answers.filter(({ status }) => status === 200).map(({ json }) => (json as JsonObject)._id)
      assert.equal(started.length, 1)
      target.interfere = undefined
      const run = String(started[0])
      await until(async () => (await gateway.call(`recon/${run}`, { method: 'DELETE' })).status === 200, 'it has ended')
      assert.deepEqual(statuses(await stage.everywhere(`recon/${run}`)), [404])
    })

    it('errors are the same from every worker', async () => {
      for (const [path, method, status] of [
        ['recon/nobody', 'GET', 404],
        ['recon?_action=recon', 'POST', 400],
        ['recon?_action=recon&mapping=nobody', 'POST', 409],
        ['recon', 'DELETE', 501],
        ['sync?_action=notifyUpdate', 'POST', 400],
        ['audit/recon', 'GET', 400],
        ['repo/link?_queryFilter=nonsense', 'GET', 400],
        ['sync/mappings?_queryFilter=true&_pagedResultsCookie=x&_pageSize=1', 'GET', 400],
        ['scheduler/job/nobody', 'GET', 404],
      ] as const) {
        const answers = await stage.everywhere(path, { method })
        assert.deepEqual(statuses(answers), [status], `${path}: ${answers[0]?.text}`)
        assert.equal(bodies(answers).length, 1, path)
      }
      const versioned = await stage.everywhere('recon', { headers: { 'accept-api-version': 'protocol=9' } })
      assert.deepEqual([statuses(versioned), bodies(versioned).length], [[406], 1])
    })

    it('fields, pages, counts and revisions are the same from every worker', async () => {
      const query = 'repo/link?_queryFilter=true&_sortKeys=firstId'
      for (const path of [
        `${query}&_fields=firstId`,
        `${query}&_pageSize=1&_totalPagedResultsPolicy=EXACT`,
        'repo/link?_queryFilter=true&_countOnly=true',
        'recon?_fields=reconciliations/state',
        'recon?_queryFilter=true&_fields=_id,state',
      ]) {
        const answers = await stage.everywhere(path)
        assert.deepEqual([statuses(answers), bodies(answers).length], [[200], 1], path)
      }
    })

    it('numbers keep their digits', async () => {
      const job = {
        type: 'simple',
        startTime: '2099-01-01T00:00:00Z',
        invokeService: 'script',
        invokeContext: { script: { type: 'text/javascript', source: '1' }, input: { n: 1 } },
      }
      const body = JSON.stringify(job).replace('"n":1', '"n":9007199254740993')
      const headers = { 'content-type': 'application/json' }
      const put = (n: number) => stage.gateway.call(`scheduler/job/j${n}`, { method: 'PUT', body, headers })
      const answers = await Promise.all(Array.from({ length: EACH }, (_, n) => put(n)))
      for (const { text } of answers) assert.match(text, /"n":9007199254740993\b/)
    })

    it('scripts in any worker call it', async () => {
      const call = (source: string) =>
        stage.everywhere('script?_action=eval', { method: 'POST', json: { type: 'text/javascript', source } })
      const runs = await call("openidm.query('repo/link', { _queryFilter: 'true' }).result.length")
      assert.deepEqual(bodies(runs), ['4'])
      const refused = await call(
        "try { openidm.action('recon', 'recon', null, { mapping: 'nobody' }) } catch (e) { e.javaException.getCode() }",
      )
      assert.deepEqual([statuses(refused), bodies(refused)], [[200], ['409']])
      const source = "openidm.action('recon', 'recon', null, { mapping: 'm', waitForCompletion: 'true' }).state"
      const eval_ = { method: 'POST', json: { type: 'text/javascript', source } }
      for (let n = 0; n < 4; n++)
        assert.equal((await stage.gateway.call('script?_action=eval', eval_)).text, '"SUCCESS"')
    })

    it('a mapping that is changed is in force for the next run, whichever workers are asked', async () => {
      const { gateway, source, target } = stage
      for (let n = 0; n < 6; n++) {
        const marked = { ...MAPPING, properties: [...(MAPPING.properties as []), { target: 'mark', default: `v${n}` }] }
        const put = await gateway.call('config/sync', { method: 'PUT', json: { mappings: [marked] } })
        assert.equal(put.status, 200, put.text)
        const run = await stage.recon('&waitForCompletion=true')
        assert.equal((run.json as JsonObject).state, 'SUCCESS')
        const { result } = await target.connection.query('managed/user', { _queryFilter: 'true' })
        assert.deepEqual([...new Set(result.map(({ mark }) => mark))], [`v${n}`])
      }
      assert.ok(source.requests.length > 0)
    })

    it('a mapping or schedule with a fault is refused by every worker', async () => {
      const mapping = { ...MAPPING, policies: [{ situation: 'NOWHERE', action: 'CREATE' }] }
      const bad = await stage.everywhere('config/sync', { method: 'PUT', json: { mappings: [mapping] } })
      assert.deepEqual([statuses(bad), bodies(bad).length], [[400], 1], bad[0]?.text)
      const schedule = { schedule: '* * * * * ?', timeZone: 'Europe/Nowhere', invokeService: 'sync', invokeContext: {} }
      const wrong = await stage.everywhere('config/schedule/s', { method: 'PUT', json: schedule })
      assert.deepEqual([statuses(wrong), bodies(wrong).length], [[400], 1], wrong[0]?.text)
    })

    it('commands on the project talk to it', async () => {
      const env = { OPENIDM_ADMIN_PASSWORD: PASSWORD, OPENIDM_ADMIN_PASSWORD_FILE: undefined, LOG_LEVEL: 'warn' }
      const command = async (...args: string[]) => {
        const spawned = spawnNode([BIN, 'recon', ...args, '--project', stage.gateway.project], { env })
        return { ...(await spawned.exited), stdout: spawned.stdout, stderr: spawned.stderr }
      }
      for (let n = 0; n < 3; n++) {
        const status = await command('status')
        assert.deepEqual([status.code, status.stderr], [0, ''])
        assert.match(status.stdout, /m {2}run {2}SUCCESS/)
      }
      const run = await command('m', '--yes')
      assert.equal(run.code, 0, run.stderr)
      assert.match(run.stdout, /SUCCESS/)
    })

    it('one worker leads, and has led from the start', () => {
      assert.equal(leaders(stage.gateway).length, 1)
      assert.ok(isWriting(stage.target))
    })
  })
})
