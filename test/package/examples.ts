import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { load } from 'js-yaml'
import { reply } from '../helpers/behaviours.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { tempDirWith } from '../helpers/files.ts'
import { request } from '../helpers/http.ts'
import { type NodeProcess, spawnNode } from '../helpers/process.ts'
import { startRemote } from '../helpers/remote.ts'
import { INSTALL_TIMEOUT, installPackage } from './packed.ts'

const EXAMPLES = join(import.meta.dirname, '../../examples')
const KEY = { authorization: 'Bearer key' }
const exec = promisify(execFile)

const originOf = async (started: NodeProcess) =>
  new URL((await started.line('Listening on ')).replace('Listening on ', '')).origin

describe('examples/plugin-host, with the packed package', () => {
  before('is packed and installed', async function () {
    this.timeout(INSTALL_TIMEOUT)
    await installPackage()
  })

  /** Beside the package and Express, whose names it imports. */
  async function start(plugins: readonly string[]) {
    const { dir } = await installPackage()
    const cwd = await mkdtemp(join(dir, 'plugin-host-'))
    await cp(join(EXAMPLES, 'plugin-host'), cwd, { recursive: true })
    const remote = await startRemote({ behaviour: reply({ body: { result: [{ userName: 'bo', mail: 'bo@x.net' }] } }) })
    const env = { PORT: '0', GATEWAY_KEY: 'key', EU_URL: remote.url, EU_PASSWORD: 'pw' }
    return { remote, started: spawnNode(['host.mjs', ...plugins], { cwd, env }) }
  }

  it('loads a plugin after the one whose service it requires, and both answer behind its authentication', async () => {
    const { remote, started } = await start(['people'])
    const origin = await originOf(started)
    assert.equal((await request(`${origin}/openidm/people`)).status, 401)
    assert.deepEqual((await request(`${origin}/openidm/people`, { headers: KEY })).json, ['bo <bo@x.net>'])
    const answer = await request(`${origin}/openidm/external/idm/eu/managed/user/bo`, { headers: KEY })
    assert.equal(answer.status, 200)
    assert.equal(remote.last.url, '/openidm/managed/user/bo')
    assert.equal((await request(`${origin}/openidm/none`, { headers: KEY })).status, 404)
    assert.deepEqual(await started.kill(), { code: 0, signal: null })
  })

  it('names the service that no plugin provides, and takes back what a failed activation took', async () => {
    const folder = (id: string, more: object, main: string) =>
      tempDirWith({ 'plugin.json': { id, main: 'main.mjs', ...more }, 'main.mjs': main })
    const lacking = await folder('lacking', { requires: ['moon'] }, 'export const activate = () => undefined')
    const refused = (await start([lacking])).started
    assert.deepEqual(await refused.exited, { code: 1, signal: null })
    assert.match(refused.stderr, /lacking requires moon/)
    const failing = await folder(
      'failing',
      {},
      `export function activate(context) {
        context.defer('a', () => console.log('undone, aborted: ' + context.signal.aborted))
        throw new Error('no luck')
      }`,
    )
    const failed = (await start([failing])).started
    await failed.exited
    assert.equal(failed.stdout, 'undone, aborted: false\n')
    assert.match(failed.stderr, /failing was not activated: no luck/)
  })
})

describe('examples/deploy, with the packed package', () => {
  ownedBySuite()
  const read = (path: string) => readFile(join(EXAMPLES, 'deploy', path), 'utf8')
  /** The words of an instruction in exec form. */
  const words = async (instruction: string): Promise<string[]> =>
    JSON.parse((await read('Dockerfile')).match(new RegExp(`^${instruction}.*?(\\[.*\\])$`, 'm'))?.[1] ?? 'null')
  /** A container without Docker: its command in the folder with the package, on a free port of loopback. */
  async function run(
    [node, script = '', ...args]: readonly string[],
    env: Record<string, string>,
    project: string,
  ): Promise<NodeProcess> {
    const { app } = await installPackage()
    const own = args.map((word) => ({ '/project': project, '0.0.0.0': '127.0.0.1', '8080': '0' })[word] ?? word)
    assert.equal(node, 'node')
    return spawnNode([script.replace(/^\/(?=token)/, `${EXAMPLES}/deploy/`), ...own], { cwd: app, env })
  }

  it('the gateways of compose.yaml reach each other with tokens, and the health check tells', async () => {
    const { services } = load(await read('compose.yaml')) as {
      services: Record<string, { command?: string[]; environment: Record<string, string>; volumes: string[] }>
    }
    const origins: Record<string, string> = {}
    const started: NodeProcess[] = []
    for (const [name, { command, environment, volumes }] of Object.entries(services)) {
      const env = Object.entries(environment).map(([key, value]) => [
        key,
        value
          .replace(/^\$\{(\w+).*\}$/, 'a $1')
          .replace(/^http:\/\/(\w+):\d+$/, (_, other) => origins[other] ?? assert.fail(`${other} comes later`)),
      ])
      const project = await tempDirWith({ 'conf/other.json': {} })
      const conf = volumes.map((volume) => volume.split(':')).find(([, target]) => target === '/project/conf')
      if (conf) await cp(join(EXAMPLES, 'deploy', conf[0] ?? ''), join(project, 'conf'), { recursive: true })
      const fixed = { ...Object.fromEntries(env), ...(command && { PORT: '0', HOST: '127.0.0.1' }) }
      const child = await run(command ?? (await words('CMD')), fixed, project)
      origins[name] = await originOf(child)
      started.push(child)
    }
    const headers = { 'x-openidm-username': 'openidm-admin', 'x-openidm-password': 'a ADMIN_PASSWORD' }
    const users = `${origins.front}/openidm/external/idm/eu/managed/user`
    const user = { userName: 'bo', givenName: 'Bo', sn: 'Lind', mail: 'bo@example.net' }
    const created = await request(`${users}/bo`, { headers, method: 'PUT', json: user })
    assert.equal(created.status, 201, created.text)
    const [, ...check] = (await words('HEALTHCHECK')).map((word) =>
      word.replace('http://127.0.0.1:8080', origins.eu ?? ''),
    )
    await exec(process.execPath, check)
    for (const child of started.reverse()) assert.deepEqual(await child.kill(), { code: 0, signal: null }, child.output)
    await assert.rejects(exec(process.execPath, check), { code: 1 })
  })

  it('the image installs the package alone and is not run by root', async () => {
    const dockerfile = await read('Dockerfile')
    assert.deepEqual(Object.keys(JSON.parse(await read('package.json')).dependencies), ['openidm-external-idm'])
    assert.match(dockerfile, /^COPY package\.json \.\/\nRUN npm install --omit=dev/m)
    assert.ok(dockerfile.indexOf('\nUSER node\n') < dockerfile.indexOf('\nCMD '))
  })

  it('the systemd unit is one, and its command runs', async function () {
    const unit = await read('openidm-external-idm.service')
    const [node, ...args] = unit.match(/^ExecStart=(.*)$/m)?.[1]?.split(' ') ?? []
    assert.equal(node, '/usr/bin/node')
    const { app } = await installPackage()
    const words = args.map((word) => word.replace('/opt/openidm-external-idm', app))
    const project = await tempDirWith({ 'conf/other.json': {} })
    const child = await run(
      ['node', ...words].map((word) => (word === '/var/lib/openidm-external-idm' ? '/project' : word)),
      { OPENIDM_ADMIN_PASSWORD: 'one' },
      project,
    )
    await originOf(child)
    child.child.kill('SIGHUP')
    await child.line('configuration reloaded')
    assert.deepEqual(await child.kill(), { code: 0, signal: null })
    const file = join(EXAMPLES, 'deploy/openidm-external-idm.service')
    const verified = await exec('systemd-analyze', ['verify', file]).catch((error: NodeJS.ErrnoException) => error)
    if ('code' in verified && verified.code === 'ENOENT') this.skip()
    assert.doesNotMatch(String('stderr' in verified ? verified.stderr : verified), /service:\d+:/)
  })
})
