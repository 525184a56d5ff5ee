import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { fakeIdm } from '../../helpers/fake-idm/fake-idm.ts'
import { blocksFor, blocksOf } from '../../helpers/markdown.ts'
import { until } from '../../helpers/until.ts'
import { typed } from '../command-stage.ts'
import { USERS } from '../fake-stage.ts'
import { startSyncGateway } from '../gateways.ts'

const PAGE = 'docs/keep-in-sync.md'
const TARGETS = 'managed/alpha_user'

describe(`${PAGE}: incremental runs`, function () {
  this.timeout(60_000)

  it('do what the page says, by its commands and its schedules', async () => {
    const blocks = blocksOf(PAGE).filter(({ heading }) => heading === 'Incremental runs')
    const json = (claim: string) => JSON.parse(blocks.find((block) => block.claim === claim)?.text ?? '') as JsonObject
    const [eu, fidc] = [await fakeIdm(), await fakeIdm({ collections: [TARGETS] })]
    const user = (name: string, sn: string) => ({
      ...{ _id: name, userName: name, sn, mail: `${name}@example.com` },
      lastModified: new Date().toISOString(),
    })
    const old = { lastModified: '2026-01-31T06:00:00.000Z' }
    eu.seed(USERS, [
      { ...user('ada', 'Byron'), ...old },
      { ...user('bo', 'Lee'), ...old },
    ])
    const conf = { 'schedule-changes.json': json('schedule') }
    const { url, call } = await startSyncGateway({ eu, fidc }, json('sync').mappings as JsonObject[], conf)
    const [block] = blocksFor('incremental')
    const [full = [], dry = [], changed = []] = (block?.text ?? '')
      .trim()
      .split('\n')
      .map((line) => line.split(' ').slice(2))
    const said = async (args: readonly string[]) => {
      const { code, stdout, stderr } = await typed(url, args)
      assert.equal(code, 0, stderr)
      return stdout
    }
    assert.match(await said(['mappings']), /^people: .*\n {2}live: changes are carried over on its own schedule\n/)
    await said(full)
    eu.seed(USERS, [user('ada', 'Lovelace')])
    eu.delete(USERS, 'bo')
    assert.match(await said(dry), /Plan of people: 1 decisions/)
    await said(changed)
    const names = () => fidc.objects(TARGETS).map(({ sn }) => sn)
    assert.deepEqual(names(), ['Lovelace', 'Lee'])
    eu.seed(USERS, [user('cy', 'Okafor')])
    await call('/scheduler/job/changes?_action=trigger', { method: 'POST' })
    await until(() => names().includes('Okafor'), 'the scheduled run')
    await call('/scheduler/job/sweep-people?_action=trigger', { method: 'POST' })
    await until(() => !names().includes('Lee'), 'the sweep')
  })
})
