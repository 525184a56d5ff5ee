import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { startCommandStage } from '../sync/command-stage.ts'

const MORE: JsonObject = { policies: [{ situation: 'SOURCE_MISSING', action: 'DELETE' }], maxDeletes: '100%' }

const idIn = ({ stderr }: { readonly stderr: string }): string =>
  [...stderr.matchAll(/^Run (\S+): /gm)].at(-1)?.[1] ?? assert.fail(stderr)

describe('recon undo', () => {
  it('shows what it would do, and does it', async () => {
    const { type, source } = await startCommandStage(MORE)
    assert.equal((await type('eu_to_fidc', '--yes')).code, 0)
    await source.connection.delete('managed/user/cy', null)
    await source.connection.patch('managed/user/bo', null, [{ operation: 'replace', field: 'mail', value: 'new@x' }])
    const run = idIn(await type('eu_to_fidc', '--yes'))

    const dry = await type('undo', run, '--dry-run')
    assert.equal(dry.code, 0, dry.stderr)
    assert.match(dry.stdout, new RegExp(`^Plan to undo ${run} of eu_to_fidc: 2 decisions$`, 'm'))
    assert.match(dry.stdout, /1 {2}undo {2}CREATE/)
    assert.match(dry.stdout, /gets back \/mail/)
    assert.match(dry.stdout, /the run deleted it; its earlier link comes back/)
    assert.match(dry.stdout, / recon execute /)

    const done = await type('undo', run, '--yes')
    assert.equal(done.code, 0, `${done.stderr}${done.stdout}`)
    const { stdout } = await type('status')
    assert.match(stdout, new RegExp(`undo plan of ${run} `))
    assert.match(stdout, new RegExp(`undo of ${run} `))
  })

  it('deletes what the run created when the number is right, and names it when it is not', async () => {
    const { type } = await startCommandStage(MORE)
    const run = idIn(await type('eu_to_fidc', '--yes'))
    const kept = await type('undo', run, '--dry-run')
    assert.match(kept.stdout, /3 objects that the run created stay/)
    assert.match(kept.stdout, /3 {2}undo {2}DELETE, skipped/)
    const wrong = await type('undo', run, '--yes', '--delete-created', '2')
    assert.equal(wrong.code, 1)
    assert.match(wrong.stderr, /The run created 3 objects, not 2/)
    const done = await type('undo', run, '--yes', '--delete-created', '3')
    assert.equal(done.code, 0, `${done.stderr}${done.stdout}`)
    assert.match(done.stdout, /3 deleted/)
  })

  it('asks for a terminal or an answer', async () => {
    const { type } = await startCommandStage(MORE)
    assert.equal((await type('undo', 'x')).code, 2)
    assert.match((await type('undo', 'x', '--yes')).stderr, /there is no run "x"/)
  })
})
