import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { USERS } from '../fake-stage.ts'
import { between, HOUR, incrementalStage, notesOf, timeAt } from './incremental-stage.ts'

const CHECKS = 3

describe('a run that asks only for what changed', () => {
  it('asks for nothing else, and writes nothing else', async () => {
    const stage = await incrementalStage()
    await stage.recon()
    assert.equal(stage.two.ids(USERS).length, 3)
    stage.writes()
    stage.edit('u2', { sn: 'Nováková' })
    stage.add('u4')
    stage.asked()
    const run = await stage.changed()
    const { changedSince } = notesOf(run)
    const filter = `/lastModified ge "${String(changedSince)}"`
    assert.deepEqual(stage.asked().slice(CHECKS), [filter])
    assert.equal(((run.parameters as JsonObject).sourceQuery as JsonObject).queryFilter, filter)
    assert.deepEqual(await stage.outcomes(run), {
      u2: 'CONFIRMED UPDATE SUCCESS',
      u4: 'ABSENT CREATE SUCCESS',
    })
    assert.deepEqual(
      stage
        .writes()
        .map(([line]) => line.split(' ')[0])
        .sort(),
      ['PATCH', 'PUT'],
    )
    await stage.changed()
    // The proof that the field filters is remembered.
    assert.equal(stage.asked().length, 1)
  })

  it('combines what it asks for with the filter of the mapping, and reads page by page', async () => {
    const sourceQuery = { _queryFilter: 'sn eq "Ortiz" or sn eq "Lee"', _fields: 'userName,sn,mail' }
    const stage = await incrementalStage({ mapping: { sourceQuery, reconSourceQueryPageSize: 2 } })
    await stage.recon()
    for (const id of ['u1', 'u2', 'u3']) stage.edit(id, { sn: id === 'u3' ? 'Other' : 'Lee' })
    stage.asked()
    const run = await stage.changed()
    const since = String(notesOf(run).changedSince)
    const own = stage.asked().slice(CHECKS)
    assert.deepEqual([...new Set(own)], [`((/sn eq "Ortiz" or /sn eq "Lee") and /lastModified ge "${since}")`])
    assert.ok(own.length > 1, 'there was one page')
    assert.deepEqual(Object.keys(await stage.outcomes(run)), ['u1', 'u2'])
  })

  it('ends well when nothing has changed, and looks at no target', async () => {
    const stage = await incrementalStage({
      mapping: { incremental: { changedField: 'lastModified', overlap: 'zero' } },
    })
    await stage.recon()
    stage.two.clearRequests()
    stage.one.delete(USERS, 'u1')
    const run = await stage.changed()
    assert.equal(run.stage, 'COMPLETED_SUCCESS')
    assert.equal(stage.two.requests.length, 0)
    assert.ok(Date.parse(String(notesOf(run).watermark)) > 0)
    const sweep = await stage.recon()
    assert.match(JSON.stringify(await stage.outcomes(sweep)), /SOURCE_MISSING/)
  })

  for (const skew of [HOUR, -HOUR])
    it(`goes by the clock of the source, which differs by ${skew / HOUR} h`, async () => {
      const stage = await incrementalStage({ one: { clockSkew: skew } })
      const full = await stage.recon()
      const { watermark } = notesOf(full)
      const late = Date.now() + skew - Date.parse(String(watermark))
      assert.ok(late >= 0 && late < 10_000, `${late} ms`)
      stage.edit('u2', { sn: 'Lee' })
      const run = await stage.changed()
      const overlap = between(notesOf(run).changedSince, watermark)
      assert.ok(overlap >= 300_000 && overlap < 301_000, String(overlap))
      assert.deepEqual(await stage.outcomes(run), { u2: 'CONFIRMED UPDATE SUCCESS' })
    })

  it('looks as far back as the overlap says', async () => {
    const incremental = { changedField: 'lastModified', overlap: '10 minutes' }
    const stage = await incrementalStage({ mapping: { incremental } })
    await stage.recon()
    stage.add('late', { lastModified: timeAt(stage, 9 * 60_000) })
    stage.add('later', { lastModified: timeAt(stage, 11 * 60_000) })
    assert.deepEqual(Object.keys(await stage.outcomes(await stage.changed())), ['late'])
  })

  it('begins where the last good run began', async () => {
    const stage = await incrementalStage()
    const full = await stage.recon()
    stage.one.switches.clockSkew = HOUR
    const first = await stage.changed()
    stage.one.switches.clockSkew = 2 * HOUR
    const second = await stage.changed()
    const [since1, since2] = [first, second].map((run) => Date.parse(String(notesOf(run).changedSince)))
    assert.ok(Math.abs(between(notesOf(full).watermark, notesOf(first).watermark) - HOUR) < 10_000)
    assert.ok(Math.abs(Number(since2) - Number(since1) - HOUR) < 10_000)
  })

  it('writes times as the field holds them', async () => {
    const forms = [
      [/^(.{19}).*$/, '$1Z', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/],
      [/^(.{19}).*$/, '$1.123456Z', /:\d\d\.000000Z$/],
      [/Z$/, '+00:00', /:\d\d\.000\+00:00$/],
      [/Z$/, '', /:\d\d\.000$/],
    ] as const
    for (const [pattern, replacement, expected] of forms) {
      const stage = await incrementalStage({}, [])
      const formed = (ago = 0) => timeAt(stage, ago).replace(pattern, replacement)
      stage.add('u1', { lastModified: formed(24 * HOUR) })
      await stage.recon()
      stage.one.change(USERS, 'u1', { sn: 'Lee', lastModified: formed() })
      const run = await stage.changed()
      assert.match(String(notesOf(run).changedSince), expected)
      assert.deepEqual(await stage.outcomes(run), { u1: 'CONFIRMED UPDATE SUCCESS' })
    }
  })

  it('counts the sources of a full run that it would never see', async () => {
    const stage = await incrementalStage({ mapping: { sourceQuery: { _queryFilter: 'true', _fields: 'userName,sn' } } })
    stage.add('u4', { lastModified: null })
    stage.one.change(USERS, 'u1', { lastModified: undefined })
    const run = await stage.recon()
    assert.equal(notesOf(run).withoutField, 2)
    assert.deepEqual(run.warnings, [
      '2 of 4 sources have no /lastModified: runs that ask only for what changed never see them',
    ])
    const { incremental: _, ...other } = await (await incrementalStage()).recon()
    assert.equal(other.warnings, undefined)
  })
})
