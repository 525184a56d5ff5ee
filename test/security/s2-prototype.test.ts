import assert from 'node:assert/strict'
import { join } from 'node:path'
import { writeAtomically } from '../helpers/files.ts'
import { until } from '../helpers/until.ts'
import { basicOf, startIdm, startTlsRemote } from '../proxy/mounted.ts'

/** Texts whose parsed form would reach a prototype, if it were merged somewhere. */
const POISON = [
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '{"\\u005f_proto__":{"polluted":true}}',
  '{"a":[{"b":{"__proto__":{"polluted":true}}}]}',
]

const assertClean = (): void => {
  assert.equal(Reflect.get({}, 'polluted'), undefined)
  assert.equal(Reflect.get([], 'polluted'), undefined)
}

describe('S2 nothing reaches a prototype', () => {
  it('from a configuration file, whose odd members mean nothing', async () => {
    const content = JSON.stringify(basicOf(await startTlsRemote()))
    const poisoned = POISON.map((poison) => content.replace('{', poison.replace(/\}$/, ',')))
    const idm = await startIdm({ ...poisoned })
    for (const index of POISON.keys()) {
      assert.equal(idm.status(`${index}`)?.state, 'UNTRIED')
      assert.equal((await idm.call(`${index}/x`)).status, 200)
    }
    assertClean()
  })

  it('from an edit of one, which stays without effect', async () => {
    const remote = await startTlsRemote()
    const idm = await startIdm({ ...POISON.map(() => basicOf(remote)) })
    for (const [index, poison] of POISON.entries())
      await writeAtomically(join(idm.confDir, `external.idm-${index}.json`), poison)
    for (const index of POISON.keys()) {
      await until(() => idm.status(`${index}`)?.state === 'OUTDATED')
      assert.equal((await idm.call(`${index}/x`)).status, 200)
    }
    assertClean()
  })

  for (const poison of POISON) {
    it(`from the body of the action test: ${poison}`, async () => {
      const remote = await startTlsRemote()
      const idm = await startIdm({ eu: basicOf(remote) })
      const headers = { 'content-type': 'application/json' }
      assert.equal((await idm.call('eu?_action=test', { method: 'POST', headers, body: poison })).status, 200)
      assertClean()
    })
  }

  it('from the parameters of the list of instances', async () => {
    const idm = await startIdm({ eu: basicOf(await startTlsRemote()) })
    for (const query of [
      '_queryFilter=true&_fields=__proto__/polluted',
      '_queryFilter=true&_fields=constructor/prototype',
      '_queryFilter=true&_sortKeys=__proto__/polluted',
      '_queryFilter=__proto__/polluted+pr',
      '_queryFilter=constructor/name+eq+"Object"',
      '_queryFilter=true&__proto__=polluted',
      '_queryFilter=true&__proto__[polluted]=true',
    ]) {
      const { status, text } = await idm.call(`?${query}`)
      assert.ok(status === 200 || status === 400, `${query}: ${status}`)
      assert.ok(!text.includes('"Object"') && !text.includes('native code'))
      assertClean()
    }
  })

  it('and is passed on to a remote as it stands: its own business', async () => {
    const remote = await startTlsRemote()
    const idm = await startIdm({ eu: basicOf(remote) })
    const headers = { 'content-type': 'application/json' }
    for (const body of POISON) {
      assert.equal((await idm.call('eu/x', { method: 'PUT', headers, body })).status, 200)
      assert.equal(remote.last.text, body)
    }
    assertClean()
  })
})
