import assert from 'node:assert/strict'
import { rename, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tempDir, writeAtomically, writeConfigMap, writeInHalves } from '../helpers/files.ts'
import { startRemote } from '../helpers/remote.ts'
import { until } from '../helpers/until.ts'
import { type App, basic, fileName, startApp } from './app.ts'
import { startTraffic } from './traffic.ts'

const basicOf = (userName: string): string => `Basic ${Buffer.from(`${userName}:pw`).toString('base64')}`
const messageOf = (text: string): string => (JSON.parse(text) as { message: string }).message
const inForce = (app: App, name: string, userName: string) =>
  until(async () => {
    const { text } = await app.call(`${name}/x`)
    return (JSON.parse(text) as { headers: Record<string, string> }).headers.authorization === basicOf(userName)
  }, `${userName} is in force`)

describe('R6 a reload takes away as much as it gives', () => {
  it('what is removed is gone, and what comes is there', async () => {
    const [eu, us] = [await startRemote(), await startRemote()]
    const app = await startApp({ eu: basic(eu) })
    assert.equal((await app.call('us/x')).status, 404)
    await app.configure('us', basic(us))
    assert.equal((await app.call('us/x')).status, 200)
    await app.configure('eu')
    const { status, text } = await app.call('eu/x')
    assert.equal(status, 404)
    assert.equal(messageOf(text), 'Remote instance "eu" not found: there is no conf/external.idm-eu.json')
    assert.deepEqual([eu.requests.length, us.requests.length], [0, 1])
    await rename(app.fileOf('us'), app.fileOf('asia'))
    await until(() => app.status('asia') && !app.status('us'), 'it has its new name')
    assert.deepEqual([(await app.call('us/x')).status, (await app.call('asia/x')).status], [404, 200])
  })

  it('what is disabled is refused from then on', async () => {
    const remote = await startRemote()
    const app = await startApp({ eu: basic(remote) })
    await app.call('eu/x')
    await app.configure('eu', basic(remote, { enabled: false }))
    const { status, text } = await app.call('eu/x')
    assert.deepEqual([status, messageOf(text)], [404, 'Remote instance "eu" is disabled'])
    assert.equal(remote.requests.length, 1)
    await app.configure('eu', basic(remote))
    assert.equal((await app.call('eu/x')).status, 200)
  })

  it('the next request has the new credentials, never the old ones', async () => {
    const remote = await startRemote()
    const app = await startApp({ eu: basic(remote) })
    for (const userName of ['one', 'two', 'three']) {
      await app.configure('eu', basic(remote, { userName }))
      await app.call('eu/x')
      assert.deepEqual(remote.last.raw('authorization'), [basicOf(userName)])
    }
  })

  it('who may use it is asked for each request', async () => {
    let verdict: true | 401 | 403 = true
    const remote = await startRemote()
    const app = await startApp({ eu: basic(remote) }, { authorize: async () => verdict })
    const statuses: number[] = []
    for (verdict of [true, 403, true, 401] as const) statuses.push((await app.call('eu/x')).status)
    assert.deepEqual(statuses, [200, 403, 200, 401])
    assert.equal(remote.requests.length, 2)
  })

  it('a set in which one file is broken comes into force but for that one', async () => {
    const remote = await startRemote()
    const app = await startApp({ a: basic(remote), b: basic(remote), c: basic(remote) })
    await writeAtomically(app.fileOf('b'), { authType: 'basic' })
    await writeAtomically(app.fileOf('c'), basic(remote, { userName: 'new' }))
    await unlink(app.fileOf('a'))
    await inForce(app, 'c', 'new')
    await until(() => !app.status('a') && app.status('b')?.state === 'OUTDATED')
    await inForce(app, 'b', 'svc')
  })
})

describe('R7 one bad file', () => {
  it('at the start: the others are served, and it is named once with file and field', async () => {
    const remote = await startRemote()
    const app = await startApp({
      bad: { authType: 'basic', instanceUrl: remote.url, userName: 'x' },
      eu: basic(remote),
    })
    assert.equal((await app.call('eu/x')).status, 200)
    const { status, text } = await app.call('bad/x')
    assert.equal(status, 404)
    assert.match(messageOf(text), /its configuration is not valid/)
    assert.equal(app.log.messages('error').length, 1)
    assert.match(app.log.messages('error').join(), /external\.idm-bad\.json: password: /)
    const list = (await app.call('?_queryFilter=state+eq+%22INVALID%22')).json as {
      result: { _id: string; lastError: { message: string } }[]
    }
    assert.deepEqual(
      list.result.map(({ _id }) => _id),
      ['bad'],
    )
    assert.match(list.result[0]?.lastError.message ?? '', /external\.idm-bad\.json: password: /)
  })

  it('later: the last good settings stay, it is named once, and a correction is taken up', async () => {
    const remote = await startRemote()
    const app = await startApp({ eu: basic(remote), us: basic(remote) })
    for (const broken of ['{"authType": "basic"', { authType: 'basic', instanceUrl: 'ftp://x/' }]) {
      app.log.clear()
      await writeAtomically(app.fileOf('eu'), broken)
      await until(() => app.status('eu')?.state === 'OUTDATED', 'the fault is noticed')
      await inForce(app, 'eu', 'svc')
      // The same again is no news, and a change beside it is taken up meanwhile.
      await writeAtomically(app.fileOf('eu'), broken)
      await writeAtomically(app.fileOf('us'), basic(remote, { userName: `beside-${typeof broken}` }))
      await inForce(app, 'us', `beside-${typeof broken}`)
      const errors = app.log.messages('error').filter((message) => message.includes('external.idm-eu.json'))
      assert.equal(errors.length, 1, errors.join('\n'))
      assert.match(app.status('eu')?.lastError?.message ?? '', /external\.idm-eu\.json/)
      await writeAtomically(app.fileOf('eu'), basic(remote))
      await until(() => app.status('eu')?.state === 'READY', 'the correction is noticed')
    }
  })

  it('a conf directory that goes away takes nothing with it', async () => {
    const remote = await startRemote()
    const app = await startApp({ eu: basic(remote) })
    await rename(app.confDir, `${app.confDir}.old`)
    await until(() => app.log.messages('error').length > 0, 'it is noticed')
    assert.equal((await app.call('eu/x')).status, 200)
    await rename(`${app.confDir}.old`, app.confDir)
    await writeAtomically(app.fileOf('eu'), basic(remote, { userName: 'back' }))
    await inForce(app, 'eu', 'back')
  })
})

describe('R8 half a file', () => {
  it('is never in force and never reported, and no request fails meanwhile', async () => {
    const remote = await startRemote()
    const app = await startApp({ eu: basic(remote) })
    const traffic = startTraffic(app, ['eu/x'], 2)
    for (let n = 0; n < 5; n++) {
      const before = traffic.answers
      await writeInHalves(app.fileOf('eu'), basic(remote, { userName: `slow-${n}` }), () =>
        until(() => traffic.answers > before + 4),
      )
      await inForce(app, 'eu', `slow-${n}`)
    }
    await traffic.stop()
    assert.deepEqual(traffic.failures, [])
    assert.deepEqual(app.log.messages('error'), [])
  })

  it('nor is the moment in which an editor has taken the file away to write it again', async () => {
    const remote = await startRemote()
    const app = await startApp({ eu: basic(remote) })
    const traffic = startTraffic(app, ['eu/x'], 2)
    for (let n = 0; n < 10; n++) {
      await rename(app.fileOf('eu'), `${app.fileOf('eu')}~`)
      await writeFile(app.fileOf('eu'), JSON.stringify(basic(remote, { userName: `edit-${n}` })))
      await inForce(app, 'eu', `edit-${n}`)
    }
    await traffic.stop()
    assert.deepEqual(traffic.failures, [])
    assert.deepEqual(app.log.messages('error'), [])
  })
})

describe('R9 a ConfigMap', () => {
  it('is followed through its links, and a swap disturbs nobody', async () => {
    const remote = await startRemote()
    const confDir = join(await tempDir(), 'conf')
    const files = (userName: string) => ({
      [fileName('eu')]: basic(remote, { userName }),
      [fileName('us')]: basic(remote),
    })
    await writeConfigMap(confDir, files('v0'))
    const app = await startApp({}, { confDir })
    const traffic = startTraffic(app, ['eu/x', 'us/x'], 2)
    for (const version of ['v1', 'v2', 'v3']) {
      await writeConfigMap(confDir, files(version))
      await inForce(app, 'eu', version)
    }
    await traffic.stop()
    assert.deepEqual(traffic.failures, [])
    await writeConfigMap(confDir, { [fileName('us')]: basic(remote) })
    await until(() => !app.status('eu'), 'it is gone')
    assert.deepEqual([(await app.call('eu/x')).status, (await app.call('us/x')).status], [404, 200])
  })
})
