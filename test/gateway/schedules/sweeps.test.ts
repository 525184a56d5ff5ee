import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { JsonObject } from '../../../lib/contract.ts'
import { held } from '../../helpers/fake-idm/fake-idm.ts'
import { writeAtomically } from '../../helpers/files.ts'
import { until } from '../../helpers/until.ts'
import { MAPPING, USERS } from '../../sync/fake-stage.ts'
import { type IncrementalStage, incrementalStage, notesOf } from '../../sync/incremental/incremental-stage.ts'

const SWEEP = { changedField: 'lastModified', sweep: '0 0 3 * * ?' }
const DELETES = { policies: [{ situation: 'SOURCE_MISSING', action: 'DELETE' }] }

const jobs = async ({ gateway }: IncrementalStage): Promise<Record<string, JsonObject>> => {
  const { result } = (await gateway.call('/scheduler/job?_queryFilter=true')).json as { result: JsonObject[] }
  return Object.fromEntries(result.map((job) => [String(job._id), job]))
}

const runs = async ({ gateway }: IncrementalStage): Promise<JsonObject[]> =>
  ((await gateway.call('/recon')).json as { reconciliations: JsonObject[] }).reconciliations

describe('the sweep of a mapping', () => {
  it('is a job of its own that comes, changes and goes with the mapping', async () => {
    const stage = await incrementalStage({ mapping: { incremental: SWEEP } })
    const { schedule, invokeContext, nextRunDate, enabled } = (await jobs(stage))['sweep-m'] ?? {}
    assert.deepEqual([schedule, enabled], ['0 0 3 * * ?', true])
    assert.deepEqual(invokeContext, { action: 'reconcile', mapping: 'm' })
    assert.match(String(nextRunDate), /^\d{4}-/)
    await stage.configure([{ ...MAPPING, incremental: { ...SWEEP, sweep: '0 30 4 * * ?' } }])
    await until(async () => (await jobs(stage))['sweep-m']?.schedule === '0 30 4 * * ?', 'the other time')
    const path = '/scheduler/job/sweep-m'
    const refused = await stage.gateway.call(path, { method: 'DELETE' })
    assert.equal(refused.status, 409)
    assert.match(refused.text, /is incremental\.sweep of the mapping m: change it there/)
    assert.equal((await stage.gateway.call(path, { method: 'PUT', json: { schedule: '* * * * * ?' } })).status, 409)
    await stage.configure([MAPPING])
    await until(async () => (await jobs(stage))['sweep-m'] === undefined, 'no sweep')
  })

  it('finds the deletion that runs over changes cannot see', async () => {
    const stage = await incrementalStage({ mapping: { incremental: SWEEP, ...DELETES } })
    await stage.recon()
    stage.one.delete(USERS, 'u2')
    await stage.changed()
    assert.equal(stage.two.ids(USERS).length, 3)
    await stage.post('/scheduler/job/sweep-m?_action=trigger')
    await until(async () => stage.two.ids(USERS).length === 2, 'the deletion')
    await until(() => stage.gateway.log.entries.some(({ msg }) => msg === 'schedule sweep-m has run'), 'the line')
    assert.equal((await runs(stage)).at(-1)?.startedBy, 'schedule sweep-m')
  })

  it('comes after a run that is active, and a scheduled run over changes gives way to it', async () => {
    const changes = {
      type: 'simple',
      repeatInterval: 3_600_000,
      startTime: '2099-01-01T00:00:00',
      invokeService: 'sync',
      invokeContext: { action: 'reconcile', mapping: 'm', changed: true },
    }
    const stage = await incrementalStage({
      mapping: { incremental: SWEEP },
      conf: { 'schedule-changes.json': changes },
    })
    await stage.recon()
    const trigger = (job: string) => stage.post(`/scheduler/job/${job}?_action=trigger`)
    const said = (text: RegExp) =>
      until(() => stage.gateway.log.entries.some(({ msg }) => text.test(String(msg))), String(text))
    const hold = held()
    const interception = stage.one.intercept(`GET ${USERS}`, hold)
    await stage.post('/recon?_action=recon&mapping=m')
    await until(() => hold.waiting > 0, 'a query')
    await trigger('sweep-m')
    await trigger('changes')
    await said(/^schedule changes has run: skipped, since a reconciliation of m runs$/)
    hold.release()
    interception.remove()
    await said(/^schedule sweep-m has run$/)
    assert.equal((await runs(stage)).length, 3)
    await trigger('changes')
    await said(/^schedule changes has run$/)
    assert.ok(notesOf((await runs(stage)).at(-1) ?? {}).changedSince)
  })

  it('is held with the schedules of the project', async () => {
    const stage = await incrementalStage({
      mapping: { incremental: { ...SWEEP, sweep: '* * * * * ?' } },
      conf: { 'gateway.json': { live: false } },
    })
    const { triggers, nextRunDate } = (await jobs(stage))['sweep-m'] ?? {}
    assert.equal((triggers as JsonObject[])[0]?.state, 'PAUSED')
    assert.equal(nextRunDate, null)
    await writeAtomically(join(stage.gateway.project.conf, 'gateway.json'), { live: true })
    await until(async () => (await runs(stage)).some(({ startedBy }) => startedBy === 'schedule sweep-m'), 'a sweep')
  })

  it('says so where a schedule has its name', async () => {
    const conf = {
      'schedule-sweep-m.json': {
        schedule: '0 0 1 1 1 ? 2099',
        invokeService: 'sync',
        invokeContext: { action: 'reconcile', mapping: 'm' },
      },
    }
    const { gateway } = await incrementalStage({ mapping: { incremental: SWEEP }, conf })
    const [said] = gateway.log.entries.filter(({ level }) => level === 'error')
    assert.match(
      String(said?.msg),
      /^mapping m: incremental\.sweep is not scheduled: another schedule is named sweep-m/,
    )
  })
})
