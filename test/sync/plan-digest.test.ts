import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { JsonObject } from '../../lib/contract.ts'
import { mappingSchema } from '../../lib/sync/mapping/mapping.ts'
import { changedParts, planDigest } from '../../lib/sync/plan/digest.ts'
import type { InstanceAddress } from '../../lib/sync/plan/instance-addresses.ts'
import { withGateway } from '../gateway/parts.ts'
import { fakeIdm } from '../helpers/fake-idm/fake-idm.ts'
import { writeAtomically } from '../helpers/files.ts'
import { until } from '../helpers/until.ts'
import { MAPPING, USERS } from './fake-stage.ts'
import { instanceOf } from './gateways.ts'
import { planStage, users } from './plan-stage.ts'

const configured = (more: JsonObject = {}) => {
  const config = { name: 'm', source: 'external/idm/one/managed/user', target: 'b', ...more }
  return { config, mapping: mappingSchema.parse(config), owner: undefined, overrides: {} }
}
const AT: InstanceAddress = { instanceUrl: 'https://one/', tokenEndpoint: null }
const sources = (files: Readonly<Record<string, string>> = {}, address = AT) => ({
  filesOf: async () => new Map(Object.entries(files)),
  addressOf: () => address,
})
const SCRIPTED = { validSource: { type: 'text/javascript', file: 'x.js' } }

describe('the digest of a plan', () => {
  const between = async (
    before: Parameters<typeof planDigest>,
    after: Parameters<typeof planDigest>,
  ): Promise<string[]> => {
    const [one, other] = [await planDigest(...before), await planDigest(...after)]
    const changed = changedParts(one, other)
    assert.equal(one.value === other.value, changed.length === 0)
    return changed
  }

  it('names what differs, and does not look at the order of members', async () => {
    const files = { 'x.js': 'true' }
    const scripted = configured(SCRIPTED)
    const reordered = { ...scripted, config: Object.fromEntries(Object.entries(scripted.config).reverse()) }
    const owner = mappingSchema.parse({ name: 'o', source: 'b', target: 'a', sourceIdsCaseSensitive: false })
    const at = { ...AT, tokenEndpoint: 'https://two/' }
    assert.deepEqual(await between([scripted, sources(files)], [reordered, sources(files)]), [])
    assert.deepEqual(await between([configured(), sources()], [configured({ displayName: 'x' }), sources()]), [
      'mapping m',
    ])
    const other = sources({ 'x.js': 'false', 'y.js': '' })
    assert.deepEqual(await between([scripted, sources(files)], [scripted, other]), ['script x.js'])
    assert.deepEqual(await between([configured(), sources()], [configured(), sources({}, at)]), [
      'address of instance one',
    ])
    const shared = { ...configured({ links: 'o' }), owner }
    const moved = { ...shared, owner: { ...owner, sourceIdsCaseSensitive: true } }
    assert.deepEqual(await between([shared, sources()], [moved, sources()]), ['mapping o'])
    const narrowed = { ...configured(), overrides: { allowEmptySourceSet: true } }
    assert.deepEqual(await between([configured(), sources()], [narrowed, sources()]), ['mapping m'])
  })
})

describe('a plan is refused', () => {
  const CONDITION = { validSource: { type: 'text/javascript', file: 'valid.js' } }

  it('when a script, or a module that it requires, has changed since', async () => {
    const stage = await planStage()
    const { script } = stage.gateway.project
    await writeAtomically(join(script, 'valid.js'), 'require("rule").isValid(source)')
    await writeAtomically(join(script, 'rule.js'), 'exports.isValid = function () { return true }')
    await stage.configure([{ ...MAPPING, ...CONDITION }])
    stage.one.seed(USERS, users(2))
    const id = await stage.analyze()
    await writeAtomically(join(script, 'rule.js'), 'exports.isValid = function () { return false }')
    await until(async () => (await stage.plan(id)).state === 'CHANGED')
    const message = '409 The script rule.js has changed since the plan was made: make another plan'
    for (const action of ['execute', 'approve'])
      assert.equal(await stage.refused(stage.post(`/recon/${id}?_action=${action}`)), message)
    await writeAtomically(join(script, 'rule.js'), 'exports.isValid = function () { return true }')
    await until(async () => (await stage.plan(id)).state === 'OPEN')
    await stage.execute(id)
    assert.equal(stage.two.ids(USERS).length, 2)
  })

  it('when an instance is elsewhere, not when its credentials have changed', async () => {
    const stage = await planStage()
    const elsewhere = await fakeIdm()
    stage.one.seed(USERS, users(2))
    const id = await stage.analyze()
    const put = async (change: JsonObject) => {
      const json = { ...instanceOf(stage.two), ...change }
      const { status, text } = await stage.gateway.call('/config/external.idm/two', { method: 'PUT', json })
      assert.equal(status, 200, text)
    }
    await put({ userName: 'another' })
    assert.equal((await stage.plan(id)).state, 'OPEN')
    await put({ instanceUrl: elsewhere.url })
    assert.equal(
      await stage.refused(stage.post(`/recon/${id}?_action=execute`)),
      '409 The address of instance two has changed since the plan was made: make another plan',
    )
    assert.deepEqual([elsewhere.ids(USERS), stage.two.ids(USERS)], [[], []])
  })

  it('after a restart, too, and is carried out where nothing has changed', async () => {
    const stage = await planStage()
    stage.one.seed(USERS, users(2))
    const id = await stage.analyze()
    await stage.gateway.gateway.stop()
    const { dir, conf } = stage.gateway.project
    const state = () => withGateway(dir, async (call) => ((await call(`/recon/plan/${id}`)).json as JsonObject).state)
    assert.equal(await state(), 'OPEN')
    await writeAtomically(join(conf, 'sync.json'), { mappings: [{ ...MAPPING, displayName: 'x' }] })
    assert.equal(await state(), 'CHANGED')
  })
})
