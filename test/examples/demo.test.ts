import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { demoText } from '../../examples/demo/text.ts'
import { onCleanUp, ownedBySuite } from '../helpers/clean-up.ts'
import { tempDir, tempDirWith, writeAtomically } from '../helpers/files.ts'
import { request } from '../helpers/http.ts'
import { type NodeProcess, spawnNode } from '../helpers/process.ts'
import { until } from '../helpers/until.ts'

const BIN = fileURLToPath(new URL('../../examples/demo/main.js', import.meta.url))
const ADMIN = { 'x-openidm-username': 'openidm-admin', 'x-openidm-password': 'openidm-admin' }
const shell = promisify(execFile)

interface Demo {
  readonly started: NodeProcess
  readonly dir: string
  /** `https://localhost:PORT/openidm`. */
  readonly url: string
  readonly ca: string
}

async function startDemo(dir: string): Promise<Demo> {
  const env = { PORT: '0', HTTPS_PORT: '0', LOG_LEVEL: undefined, OPENIDM_ADMIN_PASSWORD: undefined }
  const started = spawnNode([BIN], { cwd: dir, env })
  await started.line('Ctrl-C ends the demo')
  const { port } = new URL((await started.line('Listening on https://')).replace('Listening on ', ''))
  const ca = await readFile(join(dir, 'demo/security/demo-ca.pem'), 'utf8')
  return { started, dir, url: `https://localhost:${port}/openidm`, ca }
}

const instanceFile = (dir: string): string => join(dir, 'demo/conf/external.idm-platform.json')
const instanceUrl = async (dir: string): Promise<string> =>
  JSON.parse(await readFile(instanceFile(dir), 'utf8')).instanceUrl

const users = ({ url, ca }: Demo, instance = 'platform') =>
  request(`${url}/external/idm/${instance}/managed/user?_queryFilter=true&_sortKeys=-userName`, { ca, headers: ADMIN })

const userNames = async (demo: Demo, instance?: string): Promise<unknown> => {
  const { json } = await users(demo, instance)
  return (json as { result: { userName: string }[] }).result.map(({ userName }) => userName)
}

describe('demo: on a new machine', () => {
  ownedBySuite()
  let demo: Demo

  before(async () => {
    demo = await startDemo(await tempDir())
  })

  it('answers the lines that it prints', async function () {
    const [, ...commands] = demo.started.stdout.split(/^(?=export |curl )/m)
    const [trust = '', list = '', query = ''] = commands.map((text) => text.split('\n\n')[0] ?? '')
    assert.equal(trust, `export CURL_CA_BUNDLE=${join(demo.dir, 'demo/security/demo-ca.pem')}`)
    const hasCurl = await shell('curl', ['--version']).catch(() => undefined)
    if (!hasCurl) this.skip()
    const answer = JSON.parse((await shell('sh', ['-c', `${trust}\n${query}`])).stdout)
    assert.deepEqual(Object.keys(answer.result[0]), [
      '_id',
      '_rev',
      'userName',
      'accountStatus',
      'givenName',
      'sn',
      'mail',
    ])
    assert.equal(answer.result[0]._id, '95b2b43c-621e-4bca-8a97-efc768f17751')
    assert.equal(answer.result[0].mail, 'testUser@test.com')
    const listing = JSON.parse((await shell('sh', ['-c', `${trust}\n${list}`])).stdout)
    const ids = listing.configurations.map(({ _id }: { _id: string }) => _id)
    assert.ok(ids.includes('external.idm/platform'))
  })

  it('keeps the private keys to itself', async () => {
    for (const file of ['demo/security/server-key.pem', 'demo/remote/security/server-key.pem']) {
      assert.equal((await stat(join(demo.dir, file))).mode & 0o777, 0o600)
    }
  })

  it('takes up an instance file that is dropped in, and lets it go again', async () => {
    const file = join(demo.dir, 'demo/conf/external.idm-other.json')
    const content = {
      authType: 'basic',
      instanceUrl: await instanceUrl(demo.dir),
      userName: 'openidm-admin',
      password: 'openidm-admin',
    }
    assert.equal((await users(demo, 'other')).status, 404)
    await writeAtomically(file, content)
    await until(async () => (await users(demo, 'other')).status === 200, 'the instance answers')
    assert.deepEqual(await userNames(demo, 'other'), ['testUser', 'scarter', 'bjensen'])
    await writeAtomically(file, { ...content, enabled: false })
    await until(async () => (await users(demo, 'other')).status === 404, 'the instance is gone')
  })

  it('says in one line that a port is taken, or is none', async () => {
    const { dir, url } = demo
    const { port } = new URL(url)
    const second = spawnNode([BIN], { cwd: await tempDir(), env: { PORT: '0', HTTPS_PORT: port } })
    assert.equal((await second.exited).code, 1)
    assert.match(
      second.stderr,
      new RegExp(
        `^openidm-external-idm: cannot listen on 127\\.0\\.0\\.1:${port}: the port is already in use: set PORT`,
        'm',
      ),
    )
    const third = spawnNode([BIN], { cwd: dir, env: { PORT: 'http' } })
    assert.equal((await third.exited).code, 2)
    assert.match(third.stderr, /^openidm-external-idm: PORT: must be a port/m)
    const fourth = spawnNode([BIN], { cwd: dir, env: { PORT: '0', HTTPS_PORT: '0' } })
    assert.equal((await fourth.exited).code, 1)
    assert.match(fourth.stderr, /a gateway \(process \d+, .*\) owns this project/)
  })
})

describe('demo: on a machine that has had it', () => {
  it('comes back on the same ports of its remote, with the same certificates', async () => {
    const dir = await tempDir()
    const first = await startDemo(dir)
    const url = await instanceUrl(dir)
    assert.deepEqual(await first.started.kill(), { code: 0, signal: null })
    const second = await startDemo(dir)
    assert.equal(await instanceUrl(dir), url)
    assert.equal(second.ca, first.ca)
    assert.equal((await users(second)).status, 200)
  })

  it('moves its remote when the port was taken meanwhile, and keeps what was edited', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise((done) => taken.once('listening', done))
    onCleanUp(() => taken.close())
    const address = taken.address()
    assert.ok(address !== null && typeof address === 'object')
    const old = `https://localhost:${address.port}/openidm/`
    const dir = await tempDirWith({
      'demo/conf/external.idm-platform.json': {
        authType: 'basic',
        instanceUrl: old,
        userName: 'openidm-admin',
        password: 'openidm-admin',
        socketTimeout: '5s',
      },
    })
    const demo = await startDemo(dir)
    assert.notEqual(await instanceUrl(dir), old)
    assert.equal(JSON.parse(await readFile(instanceFile(dir), 'utf8')).socketTimeout, '5s')
    assert.equal((await users(demo)).status, 200)
  })

  it('leaves an instance file alone that was pointed elsewhere or is no JSON', async () => {
    for (const text of ['{"instanceUrl":"https://idm.example.com/openidm/"}', '{"instanceUrl":']) {
      const dir = await tempDirWith({ 'demo/conf/external.idm-platform.json': text })
      const { started } = await startDemo(dir)
      assert.equal(await readFile(instanceFile(dir), 'utf8'), text)
      await started.kill()
    }
  })

  it('makes certificates anew when they are no good', async () => {
    const dir = await tempDir()
    const first = await startDemo(dir)
    await first.started.kill()
    await writeFile(join(dir, 'demo/remote/security/server.pem'), 'no certificate')
    const second = await startDemo(dir)
    assert.notEqual(second.ca, first.ca)
    assert.equal((await users(second)).status, 200)
  })

  it('quotes a path that a shell would read otherwise', () => {
    const text = demoText({ origin: 'https://localhost:8443', authority: "/home/o'neil/x y.pem", conf: '/c' })
    assert.ok(text.includes(String.raw`export CURL_CA_BUNDLE='/home/o'\''neil/x y.pem'`))
  })
})
