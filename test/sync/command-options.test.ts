import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { cutBefore } from '../helpers/fake-idm/fake-idm.ts'
import { tempDirWith } from '../helpers/files.ts'
import { MAPPING, startCommandStage, typed } from './command-stage.ts'
import { fakeStage, USERS } from './fake-stage.ts'
import { instanceOf, type RemoteIdm, writes } from './gateways.ts'

const DELETING = { policies: [{ situation: 'SOURCE_MISSING', action: 'DELETE' }] }

const namesAt = async ({ connection }: RemoteIdm) =>
  (await connection.query('managed/alpha_user', { _queryFilter: 'true' })).result.map(({ userName }) => userName).sort()

/** What a person does who has read the plan, and then types. */
const says = (answer: string, first?: () => Promise<unknown>) =>
  async function* () {
    await first?.()
    yield `${answer}\n`
  }

describe('the command recon, as the README says', () => {
  it('asks at the terminal, and does nothing unless the answer is yes', async () => {
    const { gateway, target } = await startCommandStage()
    const no = await typed(gateway.url, ['eu_to_fidc'], says('no'))
    assert.equal(no.code, 1)
    assert.match(no.stdout, /^Plan of eu_to_fidc: 3 decisions/)
    assert.match(no.stderr, /Carry this plan out\? \[y\/N\] $/)
    const closed = await typed(gateway.url, ['eu_to_fidc'], async function* () {})
    assert.equal(closed.code, 1)
    assert.equal(writes(target), 0)
    const yes = await typed(gateway.url, ['eu_to_fidc'], says('y'))
    assert.equal(yes.code, 0, yes.stderr)
    assert.deepEqual(await namesAt(target), ['amira', 'bo', 'cy'])
  })

  it('warns when much would be deleted or overwritten', async () => {
    const { source, type } = await startCommandStage(DELETING)
    await type('eu_to_fidc', '--yes')
    await source.connection.delete('managed/user/cy', null)
    for (const name of ['amira', 'bo'])
      await source.connection.update(`managed/user/${name}`, null, { userName: name, mail: 'new', password: 'x' })
    const { stdout } = await type('eu_to_fidc', '--dry-run')
    assert.match(stdout, /^WARNING: this would delete 1 of 3 targets \(33 %\)$/m)
    assert.match(stdout, /^WARNING: this would overwrite 2 of 3 targets \(67 %\)$/m)
  })

  it('--changed asks only for what changed, and says since when', async () => {
    const { gateway, source, target, type } = await startCommandStage({
      incremental: { changedField: 'lastModified', overlap: 'zero' },
    })
    const user = (name: string, lastModified: string) => ({ userName: name, mail: `${name}@y`, lastModified })
    for (const name of ['amira', 'bo', 'cy'])
      await source.connection.update(`managed/user/${name}`, null, user(name, '2026-01-31T06:00:00.000Z'))
    const early = await type('eu_to_fidc', '--changed', '--yes')
    assert.equal(early.code, 1)
    assert.match(early.stderr, /reconcile eu_to_fidc in full first/)
    assert.equal((await type('eu_to_fidc', '--yes')).code, 0)
    await source.connection.update('managed/user/bo', null, {
      ...user('bo', new Date(Date.now() + 60_000).toISOString()),
      mail: 'bo@z',
    })
    const { stdout, code } = await type('eu_to_fidc', '--changed', '--yes')
    assert.equal(code, 0)
    assert.match(stdout, /^Plan of eu_to_fidc: 1 decisions\nAsked for sources that changed since 2\d{3}-\S+Z$/m)
    const users = (await target.connection.query('managed/alpha_user', { _queryFilter: 'true' })).result
    assert.deepEqual(users.map(({ mail }) => mail).sort(), ['amira@y', 'bo@z', 'cy@y'])
    const list = await type('status')
    assert.match(list.stdout, /eu_to_fidc {2}incremental run {2}SUCCESS/)
    const both = await typed(gateway.url, ['eu_to_fidc', '--changed', '--limit', '1'])
    assert.equal(both.code, 2)
  })

  it('--max-deletes stops it before the first write', async () => {
    const { source, target, type } = await startCommandStage(DELETING)
    await type('eu_to_fidc', '--yes')
    for (const name of ['bo', 'cy']) await source.connection.delete(`managed/user/${name}`, null)
    const before = writes(target)
    const stopped = await type('eu_to_fidc', '--yes', '--max-deletes', '1')
    assert.equal(stopped.code, 1)
    assert.match(
      stopped.stdout,
      /would delete 2 of \d+ targets, more than maxDeletes \(1\)\nallows. Nothing was written/,
    )
    assert.equal(writes(target), before)
    assert.equal((await type('eu_to_fidc', '--yes', '--max-deletes', '2')).code, 0)
    assert.deepEqual(await namesAt(target), ['amira'])
  })

  it('skips what has changed since the plan was made, and names it', async () => {
    const { source, target, gateway } = await startCommandStage()
    const change = () => source.connection.update('managed/user/bo', null, { userName: 'bo', mail: 'other' })
    const { code, stdout } = await typed(gateway.url, ['eu_to_fidc'], says('yes', change))
    assert.equal(code, 1)
    assert.match(stdout, /bo → —: The source has changed since the plan was made: nothing was done/)
    assert.deepEqual(await namesAt(target), ['amira', 'cy'])
  })

  it('--by-id does one source', async () => {
    const { target, type } = await startCommandStage()
    assert.equal((await type('eu_to_fidc', '--by-id', 'bo', '--yes')).code, 0)
    assert.deepEqual(await namesAt(target), ['bo'])
  })

  it('status --run shows a run with what failed, and one that has ended cannot be canceled', async () => {
    const { target, gateway, type } = await startCommandStage()
    for (const id of ['t1', 't2']) await target.connection.create('managed/alpha_user', id, { userName: 'bo' })
    await type('eu_to_fidc', '--yes')
    const { reconciliations } = (await gateway.call('/recon')).json as { reconciliations: JsonObject[] }
    const id = String(reconciliations.at(-1)?._id)
    const { code, stdout } = await type('status', '--run', id)
    assert.equal(code, 0)
    assert.match(stdout, /SUCCESS {2}2 done, 1 failed/)
    assert.match(stdout, /Failed, for example\n {2}bo → —: AMBIGUOUS/)
    const canceled = await type('cancel', id)
    assert.deepEqual([canceled.code, canceled.stdout], [1, ''])
    assert.match(canceled.stderr, new RegExp(`: Reconciliation ${id} has ended already \\(SUCCESS\\) \\(409\\)\n$`))
  })

  it('--create-unknown creates targets whose creation has an unknown outcome', async () => {
    const stage = await fakeStage({ mapping: { correlationQuery: [] }, two: { clientIds: 403 } })
    stage.one.seed(USERS, [{ _id: 'u', userName: 'u', sn: 'x' }])
    stage.two.intercept(({ method }) => method === 'POST', cutBefore(), { times: 1 })
    const lost = await typed(stage.gateway.url, ['m', '--yes'])
    assert.match(lost.stdout, /1 unknown/)
    const refused = await typed(stage.gateway.url, ['m', '--yes'])
    assert.equal(refused.code, 1)
    assert.match(refused.stdout.replace(/\s+/g, ' '), /run again with createUnknown \(--create-unknown\)/)
    assert.equal(stage.two.ids(USERS).length, 0)
    const created = await typed(stage.gateway.url, ['m', '--yes', '--create-unknown'])
    assert.equal(created.code, 0, created.stderr)
    assert.equal(stage.two.ids(USERS).length, 1)
  })

  it('--project runs a gateway for as long as it takes', async () => {
    const { source, target } = await startCommandStage()
    const dir = await tempDirWith({
      'conf/external.idm-65.json': instanceOf(source),
      'conf/external.idm-fidc.json': instanceOf(target),
      'conf/sync.json': { mappings: [MAPPING] },
    })
    const { code, stdout, stderr } = await typed(undefined, ['eu_to_fidc', '--yes', '--project', dir])
    assert.equal(code, 0, stderr)
    assert.match(stdout, /Targets: 3 created/)
    assert.deepEqual(await namesAt(target), ['amira', 'bo', 'cy'])
  })
})
