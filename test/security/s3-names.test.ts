import assert from 'node:assert/strict'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ownedBySuite } from '../helpers/clean-up.ts'
import type { Remote } from '../helpers/remote.ts'
import { until } from '../helpers/until.ts'
import { basicOf, type MountedIdm, startIdm, startTlsRemote } from '../proxy/mounted.ts'

const RULE = /must match \^\[A-Za-z0-9\]\[A-Za-z0-9\._-\]\{0,63\}\$/

/** Names behind `external.idm-` that break the rule. */
const BAD = [
  '',
  '.',
  '..',
  '...',
  '.hidden',
  '-',
  '-x',
  '_x',
  '__proto__',
  'a%2Fb',
  '%2e%2e',
  'a b',
  'a\tb',
  'a\\b',
  'a:b',
  'a?b',
  'a#b',
  'a"b',
  'é',
  'x'.repeat(65),
]

/** Names that every object seems to have, yet good ones. */
const INHERITED = ['constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', 'size', 'get', 'then']

describe('S3 names of files are no paths and no keys of objects', () => {
  describe('a bad name', () => {
    ownedBySuite()
    let remote: Remote
    let idm: MountedIdm
    before(async () => {
      remote = await startTlsRemote()
      idm = await startIdm(Object.fromEntries(['eu', ...BAD].map((name) => [name, basicOf(remote)])))
    })
    afterEach(async () => {
      assert.equal((await idm.call('eu/managed/user')).status, 200)
      assert.equal(remote.requests.splice(0).length, 1, 'nothing but that came to the remote')
    })

    for (const name of BAD) {
      it(`${JSON.stringify(name)} is refused, and told`, async () => {
        const { state, lastError } = idm.status(name) ?? {}
        assert.equal(state, 'INVALID')
        assert.match(lastError?.message ?? '', RULE)
        for (const segment of [name, encodeURIComponent(name), encodeURIComponent(encodeURIComponent(name))]) {
          if (!/[\sé#?]/.test(segment)) assert.equal((await idm.call(`${segment}/managed/user`)).status, 404)
        }
      })
    }
  })

  for (const name of INHERITED) {
    it(`${name} is an instance when there is a file for it, and only then`, async () => {
      const remote = await startTlsRemote()
      const idm = await startIdm({ eu: basicOf(remote) })
      assert.equal((await idm.call(`${name}/x`)).status, 404)
      assert.equal((await idm.call(`${name}?_action=test`, { method: 'POST' })).status, 404)
      assert.equal(remote.connections, 0)
      // As an editor does it, so that no half file is seen.
      const file = join(idm.confDir, `external.idm-${name}.json`)
      await writeFile(`${file}.draft`, JSON.stringify(basicOf(remote, { userName: name })))
      await rename(`${file}.draft`, file)
      await until(async () => (await idm.call(`${name}/x`)).status === 200)
      assert.equal(remote.last.headers.authorization, `Basic ${btoa(`${name}:pw`)}`)
    })
  }

  it('a request cannot name an instance by another spelling', async () => {
    const remote = await startTlsRemote()
    const idm = await startIdm({ eu: basicOf(remote) })
    for (const segment of [
      'EU',
      'e%75',
      '%65u',
      'eu%2F',
      'eu%00',
      'eu;x',
      './eu',
      '../idm/eu',
      'x/../eu',
      '%20eu',
      'eu.json',
    ])
      assert.equal((await idm.call(`${segment}/managed/user`)).status, 404, segment)
    assert.equal(remote.connections, 0)
  })

  it('a name in the path of a request finds no file', async () => {
    const idm = await startIdm({ eu: basicOf(await startTlsRemote()) })
    for (const path of ['../../conf/external.idm-eu.json', '..%2fconf%2fother/x', 'eu/../../../conf/other.json']) {
      const { status, text } = await idm.call(path)
      assert.ok(status === 404 || status === 400)
      assert.ok(!text.includes('instanceUrl'))
    }
  })
})
