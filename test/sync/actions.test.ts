import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { type Stage, startStage } from './parts.ts'

/** What there is before the run that is looked at, and who it is about. */
const PREPARE: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  async CONFIRMED(stage) {
    await linked(stage)
    await stage.connection.update('a/x', null, { name: 'x', mail: 'new' })
  },
  async MISSING(stage) {
    await linked(stage)
    const [id = ''] = await stage.ids('b')
    await stage.connection.delete(`b/${id}`, null)
  },
  async SOURCE_MISSING(stage) {
    await linked(stage)
    await stage.connection.delete('a/x', null)
    await stage.put('a', 'other', { name: 'other', mail: 'o' })
  },
  async UNQUALIFIED(stage) {
    await linked(stage)
    await stage.connection.update('a/x', null, { name: 'x', out: true })
  },
  async ABSENT(stage) {
    await stage.put('a', 'x', { name: 'x', mail: 'new' })
  },
  async FOUND(stage) {
    await stage.put('a', 'x', { name: 'x', mail: 'new' })
    await stage.put('b', 't', { name: 'x', mail: 'old' })
  },
  async UNASSIGNED(stage) {
    await stage.put('a', 'x', { name: 'x', mail: 'x' })
    await stage.put('b', 't', { name: 'lonely', mail: 'old' })
  },
  async AMBIGUOUS(stage) {
    await stage.put('a', 'x', { name: 'x', mail: 'new' })
    await stage.put('b', 't', { name: 'x' })
    await stage.put('b', 'u', { name: 'x' })
  },
}

async function linked(stage: Stage): Promise<void> {
  await stage.put('a', 'x', { name: 'x', mail: 'old' })
  await stage.run({ analyze: false })
}

/** Situation, action of its policy, what the entry says, mails of the targets afterwards, number of links. */
const ROWS: readonly (readonly [string, string, 'SUCCESS' | 'FAILURE', readonly unknown[], number])[] = [
  ['CONFIRMED', 'UPDATE', 'SUCCESS', ['new'], 1],
  ['CONFIRMED', 'IGNORE', 'SUCCESS', ['old'], 1],
  ['CONFIRMED', 'REPORT', 'SUCCESS', ['old'], 1],
  ['CONFIRMED', 'NOREPORT', 'SUCCESS', ['old'], 1],
  ['CONFIRMED', 'ASYNC', 'SUCCESS', ['old'], 1],
  ['CONFIRMED', 'EXCEPTION', 'FAILURE', ['old'], 1],
  ['CONFIRMED', 'CREATE', 'FAILURE', ['old'], 1],
  ['CONFIRMED', 'DELETE', 'SUCCESS', [], 0],
  ['CONFIRMED', 'UNLINK', 'SUCCESS', ['old'], 0],
  ['MISSING', 'EXCEPTION', 'FAILURE', [], 1],
  ['MISSING', 'CREATE', 'SUCCESS', ['old'], 1],
  ['MISSING', 'UNLINK', 'SUCCESS', [], 0],
  ['MISSING', 'UPDATE', 'FAILURE', [], 1],
  ['SOURCE_MISSING', 'EXCEPTION', 'FAILURE', ['o', 'old'], 2],
  ['SOURCE_MISSING', 'DELETE', 'SUCCESS', ['o'], 1],
  ['SOURCE_MISSING', 'UNLINK', 'SUCCESS', ['o', 'old'], 1],
  ['SOURCE_MISSING', 'UPDATE', 'FAILURE', ['o', 'old'], 2],
  ['UNQUALIFIED', 'DELETE', 'SUCCESS', [], 0],
  ['UNQUALIFIED', 'UNLINK', 'SUCCESS', ['old'], 0],
  ['UNQUALIFIED', 'IGNORE', 'SUCCESS', ['old'], 1],
  ['ABSENT', 'CREATE', 'SUCCESS', ['new'], 1],
  ['ABSENT', 'LINK', 'FAILURE', [], 0],
  ['ABSENT', 'UPDATE', 'FAILURE', [], 0],
  ['ABSENT', 'UNLINK', 'SUCCESS', [], 0],
  ['FOUND', 'UPDATE', 'SUCCESS', ['new'], 1],
  ['FOUND', 'LINK', 'SUCCESS', ['old'], 1],
  ['FOUND', 'IGNORE', 'SUCCESS', ['old'], 0],
  ['FOUND', 'DELETE', 'SUCCESS', [], 0],
  ['UNASSIGNED', 'DELETE', 'SUCCESS', ['x'], 1],
  ['UNASSIGNED', 'IGNORE', 'SUCCESS', ['old', 'x'], 1],
  ['AMBIGUOUS', 'DELETE', 'FAILURE', [undefined, undefined], 0],
  ['AMBIGUOUS', 'CREATE', 'SUCCESS', ['new', undefined, undefined], 1],
]

describe('actions', () => {
  for (const [situation, action, status, mails, links] of ROWS)
    it(`${action} for ${situation}: ${status}`, async () => {
      const policies: JsonObject[] = [
        { situation, action: 'IGNORE', condition: '/object/name eq "nobody"' },
        { situation, action },
      ]
      const mapping = { sourceCondition: '! (/source/out eq true)', policies, allowEmptySourceSet: true }
      const stage = await startStage({ mapping })
      await PREPARE[situation]?.(stage)
      const run = await stage.run()
      const entries = Object.values(await stage.entries(run))
      assert.ok(entries.includes(`${situation} ${action} ${status}`), JSON.stringify(entries))
      const { result } = await stage.connection.query('b', { _queryFilter: 'true' })
      assert.deepEqual(result.map(({ mail }) => mail).sort(), mails)
      assert.equal((await stage.links()).length, links)
    })

  it('keeps silent in the audit about NOREPORT and ASYNC, and frames the others with start and summary', async () => {
    const stage = await startStage({
      mapping: { policies: [{ situation: 'ABSENT', action: 'NOREPORT', condition: '/object/mail eq "quiet"' }] },
    })
    await stage.put('a', '1', { name: 'one', mail: 'quiet' })
    await stage.put('a', '2', { name: 'two' })
    const run = await stage.run()
    const { result } = await stage.connection.query('audit/recon', { _queryFilter: `reconId eq "${String(run._id)}"` })
    assert.deepEqual(
      result.map(({ entryType, sourceObjectId = null }) => [entryType, sourceObjectId]),
      [
        ['start', null],
        ['entry', 'a/2'],
        ['summary', null],
      ],
    )
    assert.match(String(result.at(-1)?.message), /ABSENT: 2/)
  })
})
