import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { typed } from './command-stage.ts'
import { type FakeStage, type FakeStageOptions, fakeStage, USERS } from './fake-stage.ts'

const js = (source: string): JsonObject => ({ type: 'text/javascript', source })
const user = (id: string, more: JsonObject = {}): JsonObject => ({ _id: id, userName: id, sn: id, ...more })

/** Five linked pairs. */
async function linked(options: FakeStageOptions = {}): Promise<FakeStage> {
  const stage = await fakeStage(options)
  stage.one.seed(
    USERS,
    Array.from({ length: 5 }, (_, index) => user(`u${index}`)),
  )
  await stage.recon()
  stage.writes()
  return stage
}

const type = ({ gateway }: FakeStage, ...args: string[]) => typed(gateway.url, ['m', ...args])

/** Without author, validity, and the commands that come next. */
const essence = (text: string): string =>
  text.replace(/^(Made by|Valid until) .*\n/gm, '').replace(/\nNext:\n(?: {2}.*\n)+/, '')

describe('the plan that the command recon prints', () => {
  it('counts what is as it should be apart, and warns of what changes only', async () => {
    const stage = await linked()
    const same = await type(stage, '--dry-run')
    assert.equal(essence(same.stdout), 'Plan of m: 5 decisions\n\n  5  CONFIRMED  unchanged\n')
    stage.one.seed(USERS, [user('u3', { sn: 'other' })])
    const { stdout } = await type(stage, '--dry-run')
    const id = String(stage.two.ids(USERS).find((one) => stage.two.object(USERS, one)?.userName === 'u3'))
    assert.equal(
      essence(stdout),
      `${[
        'Plan of m: 5 decisions',
        '',
        '  1  CONFIRMED  UPDATE',
        '  4  CONFIRMED  unchanged',
        '',
        'CONFIRMED → UPDATE, for example',
        `  u3 → ${id}: it is linked to a target, which is`,
        '  there',
        '      /sn: "u3" → "other"',
        '',
        'WARNING: this would overwrite 1 of 5 targets (20 %)',
      ].join('\n')}\n`,
    )
  })

  it('shows what scripts would write, in 80 columns, and what is needed to carry it out', async () => {
    const action = js(
      'openidm.create("external/idm/two/managed/log", null, { text: "a long text, which is more than one line of a terminal can hold" }); "UPDATE"',
    )
    const stage = await linked({
      mapping: { policies: [{ situation: 'CONFIRMED', action, condition: '/object/userName eq "u1"' }] },
      two: { collections: ['managed/log'] },
    })
    const { stdout } = await type(stage, '--dry-run')
    assert.match(stdout, /^ {2}1 {2}CONFIRMED {2}UPDATE\n {2}4 {2}CONFIRMED {2}unchanged\n/m)
    assert.match(stdout, /^ {6}script: create external\/idm\/two\/managed\/log \{"text":"a long text, w.*…$/m)
    assert.match(stdout, /^For 1 of these, scripts write something\.\n1 are approximate: /m)
    for (const line of essence(stdout).split('\n')) assert.ok(line.length <= 80, line)
    const skipped = await type(stage, '--yes')
    assert.equal(skipped.code, 1)
    assert.deepEqual(stage.two.ids('managed/log'), [])
    assert.equal((await type(stage, '--yes', '--allow-approximate')).code, 0)
    assert.equal(stage.two.ids('managed/log').length, 1)
  })

  it('says what waits, and carries it out where that is accepted', async () => {
    const stage = await linked({
      mapping: {
        maxDeletes: '100%',
        validSource: js('if (source.sn === "bad") throw "no"; true'),
        policies: [{ situation: 'UNASSIGNED', action: 'DELETE' }],
      },
    })
    stage.one.seed(USERS, [user('new', { sn: 'bad' })])
    stage.two.seed(USERS, [user('orphan')])
    const { stdout } = await type(stage, '--dry-run')
    assert.match(stdout, /^ {2}1 {2}UNASSIGNED {2}DELETE, deferred$/m)
    assert.match(stdout, /^ {2}1 {2} +failed$/m)
    assert.match(stdout, /^1 deferred until all sources are assessed \(--accept-unassessed\)$/m)
    const run = await type(stage, '--yes')
    assert.match(run.stdout, / 1 failed, 1 deferred$/m)
    assert.ok(stage.two.object(USERS, 'orphan'))
    await type(stage, '--yes', '--accept-unassessed')
    assert.equal(stage.two.object(USERS, 'orphan'), undefined)
  })

  it('names fields that the target does not show, and warnings', async () => {
    const properties = ['userName', 'sn', 'password'].map((name) => ({ source: name, target: name }))
    const stage = await fakeStage({ mapping: { properties }, two: { invisible: ['password'] } })
    stage.one.seed(
      USERS,
      ['a', 'b'].map((id) => user(id, { password: 'Sesam-1' })),
    )
    await type(stage, '--yes')
    stage.one.seed(
      USERS,
      ['a', 'b'].map((id) => user(id, { password: 'Sesam-2' })),
    )
    const { stdout } = await type(stage, '--dry-run')
    assert.match(stdout, /^Sets fields that the target does not show: \/password \(2\)$/m)
    const run = await type(stage, '--yes')
    assert.match(run.stdout, /^Sets fields that the target does not show: \/password \(2\)$/m)
  })

  it('--max-clears lets a run clear a field', async () => {
    const stage = await fakeStage()
    const ids = Array.from({ length: 12 }, (_, index) => `u${index}`)
    stage.one.seed(
      USERS,
      ids.map((id) => user(id)),
    )
    await stage.recon()
    stage.one.seed(
      USERS,
      ids.map((id) => ({ _id: id, userName: id })),
    )
    stage.writes()
    const stopped = await type(stage, '--yes')
    assert.equal(stopped.code, 1)
    assert.match(stopped.stdout, /^WARNING: It would clear \/sn in 12 of 12 targets/m)
    assert.deepEqual(stage.writes(), [])
    assert.equal((await type(stage, '--yes', '--max-clears', '100%')).code, 0)
    assert.equal(stage.writes().length, 12)
  })
})
