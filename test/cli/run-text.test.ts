import assert from 'node:assert/strict'
import type { GatewayApi } from '../../lib/cli/gateway-api.ts'
import { planText } from '../../lib/cli/recon/plan-text.ts'
import { runList, runText } from '../../lib/cli/recon/run-text.ts'
import type { JsonObject } from '../../lib/contract.ts'

const ID = '9f325cbb-0a62-42bc-8913-a15fa451c697'

const run = (number: number, more: JsonObject): JsonObject => ({
  _id: `${ID}-${number}`,
  mapping: 'onprem_user_to_fidc_alpha_user',
  state: 'SUCCESS',
  stage: 'COMPLETED_SUCCESS',
  stageDescription: 'reconciliation completed.',
  progress: { target: { created: 1, updated: 2, unchanged: 3, deleted: 4 } },
  situationSummary: { ABSENT: 1, FOUND: 0 },
  statusSummary: { SUCCESS: 10, FAILURE: 0 },
  startedBy: 'openidm-admin',
  started: '2026-02-03T09:15:00.120Z',
  duration: 61_250,
  ...more,
})

const RUNS = [
  run(1, { kind: 'plan' }),
  run(12_345, { statusSummary: { SUCCESS: 1_000_000, FAILURE: 12, DEFERRED: 3, SKIPPED: 4, UNKNOWN: 5 } }),
  run(3, { state: 'FAILED', stage: 'INTERRUPTED', resumable: true }),
  run(4, { kind: 'verify', startedBy: 'a.user.with.a.very.long.name@subsidiary.example.com' }),
  run(5, { kind: 'plan', pilot: { limit: 50 } }),
]

const api = { query: async () => [] } as unknown as GatewayApi

describe('the list of runs', () => {
  it('has a line for each in a pipe: mapping, kind, state, counts that name what they count, author', () => {
    const common = 'by openidm-admin at 2026-02-03T09:15:00.120Z, 61.3 s'
    const counts = [
      'plan  SUCCESS  10 planned, 0 failed',
      'run  SUCCESS  1000000 done, 12 failed, 3 deferred, 4 skipped, 5 unknown',
      'run  INTERRUPTED, can be resumed  10 done, 0 failed',
      'verify  SUCCESS  10 compared, 0 failed',
      'pilot plan  SUCCESS  10 planned, 0 failed',
    ]
    const lines = runList(RUNS, undefined).trimEnd().split('\n')
    assert.equal(lines.length, RUNS.length)
    for (const [index, text] of counts.entries())
      assert.ok(lines[index]?.includes(`${String(RUNS[index]?._id)}  onprem_user_to_fidc_alpha_user  ${text}  by `))
    assert.ok(lines[0]?.endsWith(`  ${common}`), lines[0])
  })

  it('fits a terminal of 80 columns, with each id on a line of its own', () => {
    const lines = runList(RUNS, 80).trimEnd().split('\n')
    assert.ok(lines.every((line) => line.length <= 80))
    for (const { _id } of RUNS) assert.ok(lines.includes(String(_id)))
  })
})

describe('a run', () => {
  it('that cannot be decrypted says so, in place of what is not known', async () => {
    const stageDescription = 'This reconciliation is encrypted, and no key is configured.'
    const unreadable = { _id: ID, mapping: 'm', state: 'FAILED', stage: 'COMPLETED_FAILED', stageDescription }
    const texts = [
      runList([unreadable], undefined),
      runList([unreadable], 80),
      await runText(api, unreadable, 80),
      await planText(api, unreadable, {}, 80),
    ]
    for (const text of texts) {
      assert.match(text.replace(/\s+/g, ' '), /is encrypted, and no key is configured/)
      assert.doesNotMatch(text, /undefined|decisions/)
    }
  })
  it('fits 80 columns', async () => {
    for (const one of RUNS)
      for (const line of (await runText(api, one, 80)).split('\n')) assert.ok(line.length <= 80, line)
  })

  it('that writes nothing tells no targets written', async () => {
    assert.doesNotMatch(await runText(api, RUNS[0] ?? {}, 80), /Targets/)
    assert.match(await runText(api, RUNS[1] ?? {}, 80), /^Targets: 1 created, 2 updated, 3 unchanged, 4 deleted$/m)
  })
})
