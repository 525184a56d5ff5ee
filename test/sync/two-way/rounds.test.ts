import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { until } from '../../helpers/until.ts'
import { USERS } from '../fake-stage.ts'
import { type TwoWayStage, told, twoWayStage } from './two-way-stage.ts'

/** Each side changes a field of its own whenever it is written. */
async function goRound(stage: TwoWayStage, times: number): Promise<void> {
  for (let turn = 0; turn < times; turn++) {
    const [side, field] = turn % 2 === 0 ? (['one', 'sn'] as const) : (['two', 'mail'] as const)
    stage.edit(side, { [field]: `Turn${turn}` })
    const row = await stage.carry(side === 'one' ? 'ab' : 'ba')
    assert.equal(row.status, 'SUCCESS', JSON.stringify(row))
  }
}

const parked = async ({ gateway }: TwoWayStage) =>
  ((await gateway.call('/sync/parked?_queryFilter=true')).json as { result: JsonObject[] }).result

describe('an object that goes round between two instances', function () {
  this.timeout(120_000)

  it('is parked after ten rounds, until somebody releases it', async () => {
    const stage = await twoWayStage()
    await stage.pair('u', { sn: 'Old', mail: 'old@x.com' })
    await goRound(stage, 21)
    assert.deepEqual(await parked(stage), [])
    stage.edit('two', { mail: 'one.more@x.com' })
    stage.written()
    const refused = await stage.carry('ba')
    assert.match(String(refused.message), /goes round: ba and ab have written it 20 times in turn.*It is parked/)
    assert.match(String((await stage.carry('ba')).message), /It is parked/)
    assert.equal(stage.written(), 0)
    const [link, ...others] = await parked(stage)
    assert.equal(others.length, 0)
    const { linkType, firstId, mapping } = link ?? {}
    assert.deepEqual([linkType, firstId, mapping], ['ab', 'u', 'ba'])
    const [line] = stage.gateway.log.with('an object that goes round between two mappings is parked')
    assert.equal(line?.mapping, 'ba')

    const isCounted = async () =>
      (await stage.gateway.call('/metrics/prometheus')).text.includes('_sync_parked_links{mapping="ba"} 1\n')
    await until(isCounted, 'the metric')

    const id = stage.two.ids(USERS)[0]
    const path = `/sync?_action=performAction&mapping=ba&action=UPDATE&situation=CONFIRMED&sourceId=${id}`
    assert.equal((await stage.gateway.call(path, { method: 'POST' })).status, 200)
    assert.deepEqual([await parked(stage), stage.values('mail')], [[], 'one.more@x.com'])
    await goRound(stage, 2)
  })

  it('does not count as going round where one side alone changes it', async () => {
    const stage = await twoWayStage()
    await stage.pair('u', { sn: 'Old' })
    for (let index = 0; index < 25; index++) {
      stage.edit('one', { sn: `New${index}` })
      assert.equal(told(await stage.carry('ab')).startsWith('UPDATE SUCCESS'), true)
    }
    assert.deepEqual(await parked(stage), [])
  })
})
