import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { openSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { held, reply } from '../helpers/behaviours.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDirWith, writeAtomically } from '../helpers/files.ts'
import { type GatewayProcess, startGatewayProcess } from '../helpers/gateway-process.ts'
import { request } from '../helpers/http.ts'
import { testPki } from '../helpers/pki.ts'
import { NodeProcess, spawnNode } from '../helpers/process.ts'
import { startRemote } from '../helpers/remote.ts'
import { until } from '../helpers/until.ts'
import { basic } from '../security/app.ts'

const BIN = fileURLToPath(new URL('../../lib/bin.js', import.meta.url))
const DEMO = fileURLToPath(new URL('../../examples/demo/main.js', import.meta.url))
const INFO = { LOG_LEVEL: 'info' }
const RELOADED = /configuration reloaded/g

const reloads = ({ process: { stderr } }: GatewayProcess): number => stderr.match(RELOADED)?.length ?? 0

/** Runs the command line with one of its outputs on a full disk. */
function runOnFullDisk(args: readonly string[], full: 'stdout' | 'stderr'): NodeProcess {
  const fd = openSync('/dev/full', 'w')
  const stdio = ['pipe', full === 'stdout' ? fd : 'pipe', full === 'stderr' ? fd : 'pipe'] as const
  const child = spawn(process.execPath, [BIN, ...args], { stdio: [...stdio], env: { ...process.env, ...INFO } })
  // The one that is full has no stream here.
  const silent = { setEncoding: () => ({ on: () => undefined }) }
  const started = new NodeProcess(
    Object.assign(child, { stdout: child.stdout ?? silent, stderr: child.stderr ?? silent }) as never,
  )
  onCleanUp(() => started.kill('SIGKILL'))
  return started
}

describe('signals', () => {
  before(function () {
    if (process.platform === 'win32') this.skip()
  })

  for (const args of [[], ['--workers', '2']])
    it(`SIGHUP and SIGUSR2 reload and cut off no answer, SIGUSR1 does nothing ${args.join(' ')}`, async () => {
      const remote = await startRemote()
      const conf = { 'external.idm-eu.json': basic(remote) }
      const gateway = await startGatewayProcess(conf, { args, env: INFO })
      const hold = held(reply({ body: { late: true } }))
      remote.answer(hold)
      const answer = gateway.call('external/idm/eu/x')
      await until(() => hold.waiting === 1)
      const workers = args.length > 0 ? 2 : 1
      for (const [count, signal] of (['SIGHUP', 'SIGUSR2', 'SIGHUP'] as const).entries()) {
        gateway.process.child.kill('SIGUSR1')
        gateway.process.child.kill(signal)
        // The first process has nothing to reload by itself, but says that it told the others.
        const expected = (count + 1) * (workers === 1 ? 1 : workers + 1)
        await until(() => reloads(gateway) === expected, `${expected} reloads`)
      }
      hold.release()
      assert.equal((await answer).text, '{"late":true}')
      assert.doesNotMatch(gateway.process.stderr, /Debugger|starting another/)
      assert.equal((await gateway.process.kill()).code, 0)
    })

  for (const [name, ...args] of [
    ['start', BIN, 'start', '--port', '0', '--project', '.'],
    ['demo', DEMO],
  ])
    it(`the first line that ${name} prints may be answered with SIGTERM`, async () => {
      const cwd = await tempDirWith({
        'preload.mjs': `const { write } = process.stdout
          process.stdout.write = (...args) => {
            process.kill(process.pid, 'SIGTERM')
            return write.apply(process.stdout, args)
          }`,
      })
      const env = { PORT: '0', HTTPS_PORT: '0' }
      const started = spawnNode(['--import', './preload.mjs', ...args], { cwd, env })
      assert.deepEqual(await started.exited, { code: 0, signal: null }, started.output)
    })

  it('SIGHUP takes up the server’s certificate, and keeps the last good one', async () => {
    const pki = await testPki()
    const files = async (name: string) => {
      const { certificate, key } = await pki.server(name)
      return { 'security/server.pem': certificate, 'security/server-key.pem': key }
    }
    const project = await tempDirWith({ 'conf/other.json': {}, ...(await files('old.example.com')) })
    const gateway = await startGatewayProcess({}, { project, args: ['--https-port', '0'], env: INFO })
    const port = new URL((await gateway.process.line(/^Listening on https:/)).replace('Listening on ', '')).port
    const isServedAs = (servername: string) =>
      request(`https://127.0.0.1:${port}/openidm/info/ping`, { ca: pki.ca, servername }).then(
        () => true,
        () => false,
      )
    assert.equal(await isServedAs('old.example.com'), true)
    for (const [name, content] of Object.entries(await files('new.example.com')))
      await writeAtomically(join(project, name), content)
    gateway.process.child.kill('SIGHUP')
    await until(() => isServedAs('new.example.com'))
    await writeAtomically(join(project, 'security/server.pem'), 'no certificate')
    gateway.process.child.kill('SIGHUP')
    await gateway.process.line(/configuration reload failed/)
    assert.equal(await isServedAs('new.example.com'), true)
  })
})

describe('an output that cannot be written to', () => {
  before(function () {
    if (process.platform !== 'linux') this.skip()
  })

  it('serves all the same when it is that of the log', async () => {
    const project = await tempDirWith({ 'conf/other.json': {} })
    const gateway = runOnFullDisk(['start', '--project', project, '--port', '0'], 'stderr')
    const url = (await gateway.line(/^Listening on http:/)).replace('Listening on ', '')
    for (let n = 0; n < 20; n++) assert.equal((await request(`${url}/info/ping`)).status, 401)
    assert.equal((await gateway.kill()).code, 0)
  })

  it('says why on standard error, without a stack, when it is standard output', async () => {
    const help = runOnFullDisk(['--help'], 'stdout')
    assert.equal((await help.exited).code, 1)
    assert.match(help.stderr, /^openidm-external-idm: standard output cannot be written: ENOSPC[^\n]*\n$/)
  })
})
