import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { MAPPING, startCommandStage, typed } from './command-stage.ts'
import { fakeStage, USERS } from './fake-stage.ts'
import type { RemoteIdm } from './gateways.ts'

describe('the command recon', () => {
  it('shows a plan that a person can read, and writes nothing', async () => {
    const { type, target } = await startCommandStage()
    const { code, stdout } = await type('eu_to_fidc', '--dry-run')
    assert.equal(code, 0, stdout)
    assert.match(
      stdout,
      /Plan of eu_to_fidc: 3 decisions\n(?:.+\n)+\n +3 {2}ABSENT {2}CREATE\n\nABSENT → CREATE, for example\n {2}amira → —: no target belongs to it\n {6}\/userName: null → "amira"/,
    )
    assert.match(stdout, /\/password: null → "\*{8}"/)
    assert.ok(!stdout.includes('Sesam'))
    assert.equal(await countOf(target), 0)
  })

  it('carries it out, says what it did, and finds nothing to do the next time', async () => {
    const { type, target } = await startCommandStage()
    const first = await type('eu_to_fidc', '--yes')
    assert.equal(first.code, 0, first.stderr)
    assert.match(first.stdout, /^eu_to_fidc {2}run {2}SUCCESS {2}3 done, 0 failed$/m)
    assert.match(first.stdout, /Targets: 3 created, 0 updated, 0 unchanged, 0 deleted/)
    assert.equal(await countOf(target), 3)
    const second = await type('eu_to_fidc', '--yes', '--json')
    assert.deepEqual((JSON.parse(second.stdout) as JsonObject).situationSummary && second.code, 0)
    assert.match((await type('status')).stdout, /eu_to_fidc {2}run {2}SUCCESS {2}3 done/)
    assert.equal((await type('mappings')).stdout, `eu_to_fidc: ${String(MAPPING.source)} → ${String(MAPPING.target)}\n`)
  })

  it('ends with 1 when an object failed, and names it', async () => {
    const { type, target } = await startCommandStage()
    for (const id of ['t1', 't2']) await target.connection.create('managed/alpha_user', id, { userName: 'bo' })
    const { code, stdout } = await type('eu_to_fidc', '--yes')
    assert.equal(code, 1)
    assert.match(stdout, /bo → —: AMBIGUOUS: several targets correlate/)
  })

  it('names the property and the requirement that a policy of the target reports', async () => {
    const policies = { [USERS]: { required: ['mail', 'sn'], minLength: { userName: 3 } } }
    const stage = await fakeStage({ two: { policies } })
    stage.one.seed(USERS, [{ _id: 's1', userName: 'bo', sn: 'Li' }])
    const { code, stdout } = await typed(stage.gateway.url, ['m', '--yes'])
    assert.equal(code, 1)
    assert.match(
      stdout.replaceAll(/\n */g, ' '),
      /s1 → —: Failed policy validation; mail: REQUIRED; userName: MIN_LENGTH \{"minLength":3\}/,
    )
  })

  it('says what it needs', async () => {
    const { type } = await startCommandStage()
    assert.deepEqual((await type('eu_to_fidc')).code, 2)
    assert.match((await type('nobody', '--dry-run')).stderr, /No such mapping: nobody/)
    assert.match((await type('cancel', 'x')).stderr, /there is no run "x"/)
    const nowhere = await typed('http://127.0.0.1:1/openidm', ['status'])
    assert.match(nowhere.stderr, /cannot be reached/)
  })
})

const countOf = async ({ connection }: RemoteIdm): Promise<number> =>
  (await connection.query('managed/alpha_user', { _queryFilter: 'true' })).result.length
