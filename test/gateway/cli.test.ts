import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDir, tempDirWith, writeFiles } from '../helpers/files.ts'
import { request } from '../helpers/http.ts'
import { testPki } from '../helpers/pki.ts'
import { type NodeProcess, spawnNode } from '../helpers/process.ts'
import { openRaw } from '../helpers/raw.ts'
import { until } from '../helpers/until.ts'
import { pluginFolder, ROUTERS } from './parts.ts'

const BIN = fileURLToPath(new URL('../../lib/bin.js', import.meta.url))
const BARE = { OPENIDM_ADMIN_PASSWORD: undefined, OPENIDM_ADMIN_PASSWORD_FILE: undefined, LOG_LEVEL: undefined }
const DEFAULT_ADMIN = { 'x-openidm-username': 'openidm-admin', 'x-openidm-password': 'openidm-admin' }

const run = (args: readonly string[], env: Readonly<Record<string, string | undefined>> = {}): NodeProcess =>
  spawnNode([BIN, ...args], { env: { ...BARE, ...env } })

/** Runs to its end and returns what a person sees. */
async function outcome(args: readonly string[], env: Readonly<Record<string, string | undefined>> = {}) {
  const started = run(args, env)
  const { code } = await started.exited
  return { code, stdout: started.stdout, stderr: started.stderr }
}

async function takenPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  onCleanUp(() => server.close())
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  return address.port
}

const listeningUrl = async (started: NodeProcess, scheme = 'http'): Promise<string> =>
  (await started.line(new RegExp(`^Listening on ${scheme}://`))).replace('Listening on ', '')

/** Logs aside: what was printed to be read. */
const messages = (stderr: string): string[] => stderr.split('\n').filter((line) => line !== '' && !line.startsWith('{'))

describe('command line', () => {
  it('helps', async () => {
    const help = await outcome(['--help'])
    assert.equal(help.code, 0)
    for (const word of ['Usage: npm run --silent cli -- [options] [command]', 'start', 'check', '--version'])
      assert.ok(help.stdout.includes(word))
    const start = await outcome(['start', '--help'])
    assert.equal(start.code, 0)
    for (const word of [
      '--project <dir>',
      '--port <n>',
      '--host <address>',
      'OPENIDM_ADMIN_PASSWORD_FILE',
      'Listening on',
    ]) {
      assert.ok(start.stdout.includes(word), word)
    }
    assert.ok([...help.stdout.split('\n'), ...start.stdout.split('\n')].every((line) => line.length <= 80))
    const version = await outcome(['--version'])
    assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/)
  })

  const MISUNDERSTOOD: readonly (readonly [args: string[], message: RegExp])[] = [
    [['strat'], /unknown command 'strat'\n\(Did you mean start\?\)/],
    [['start', '--porject', 'x'], /unknown option '--porject'\n\(Did you mean --project\?\)/],
    [['start', 'x'], /too many arguments for 'start'\. Expected 0 arguments but got 1/],
    [['start', '--port'], /option '--port <n>' argument missing/],
    [['start'], /--project <dir> is missing/],
    [
      ['start', '--project', '.', '--port', '70000'],
      /--port: must be a port from 0 \(a free one\) to 65535, found "70000"/,
    ],
  ]
  for (const [args, message] of MISUNDERSTOOD) {
    it(`does not understand ${JSON.stringify(args)}: status 2, and what to type`, async () => {
      const { code, stdout, stderr } = await outcome(args)
      assert.equal(code, 2)
      assert.equal(stdout, '')
      assert.match(stderr, message)
      assert.match(stderr, /\nType {2}npm run --silent cli -- --help {2}to see commands and options\.\n$/)
    })
  }

  const failing: readonly (readonly [
    string,
    () => Promise<{ args: string[]; env?: Record<string, string> }>,
    RegExp,
  ])[] = [
    [
      'a directory that is not there',
      async () => ({ args: ['--project', join(await tempDir(), 'none')] }),
      /none: does not exist/,
    ],
    [
      'a file in place of a directory',
      async () => ({ args: ['--project', join(await tempDirWith({ file: '' }), 'file')] }),
      /file: is not a directory/,
    ],
    [
      'a taken port',
      async () => ({ args: ['--project', await tempDir(), '--port', String(await takenPort())] }),
      /cannot listen on 127\.0\.0\.1:\d+: the port is already in use/,
    ],
    [
      'an open address without a password',
      async () => ({ args: ['--project', await tempDir(), '--host', '0.0.0.0'] }),
      /the password of openidm-admin is not set: set OPENIDM_ADMIN_PASSWORD/,
    ],
    [
      'HTTPS without a certificate',
      async () => ({ args: ['--project', await tempDir(), '--https-port', '0'] }),
      /HTTPS requires .*server.*\.pem, which cannot be read: does not exist/,
    ],
    [
      'a key that cannot be read',
      async () => ({
        args: [
          '--project',
          await tempDirWith({ 'security/server.pem': 'x', 'security/server-key.pem/x': '' }),
          '--https-port',
          '0',
        ],
      }),
      /HTTPS requires .*server-key\.pem, which cannot be read: is a directory/,
    ],
    [
      'a certificate that is none',
      async () => ({
        args: [
          '--project',
          await tempDirWith({ 'security/server.pem': 'x', 'security/server-key.pem': 'y' }),
          '--https-port',
          '0',
        ],
      }),
      /HTTPS requires a certificate in .*server\.pem and its key in .*server-key\.pem: /,
    ],
    [
      'an unknown log level',
      async () => ({ args: ['--project', await tempDir()], env: { LOG_LEVEL: 'loud' } }),
      /LOG_LEVEL: must be one of/,
    ],
    [
      'a plugin that cannot be loaded',
      async () => ({ args: ['--project', await tempDir(), '--plugin', await tempDir()] }),
      /plugin\.json: does not exist/,
    ],
  ]
  for (const [what, arrange, message] of failing) {
    it(`fails clearly: ${what}: status 1, one line, no stack`, async () => {
      const { args, env } = await arrange()
      const { code, stdout, stderr } = await outcome(['start', '--port', '0', ...args], env)
      assert.equal(code, 1, stderr)
      assert.equal(stdout, '')
      const lines = messages(stderr)
      assert.match(lines.join('\n'), message)
      assert.equal(lines.length, 1, stderr)
      assert.doesNotMatch(stderr, /\bat .*\.ts:\d+/)
    })
  }

  it('starts on an empty directory, serves, and stops when told to', async () => {
    const dir = await tempDir()
    const started = run(['start', '--project', dir, '--port', '0'])
    const url = await listeningUrl(started)
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/openidm$/)
    assert.deepEqual((await readdir(dir)).sort(), ['conf', 'db', 'resolver', 'script', 'security'])
    assert.equal((await request(`${url}/info/ping`, { headers: DEFAULT_ADMIN })).status, 200)
    assert.match(started.stderr, /well-known default password/)
    assert.deepEqual(await started.kill('SIGTERM'), { code: 0, signal: null })
    assert.equal(started.stdout, `Listening on ${url}\n`)
  })

  it('takes host, HTTPS port, password file and further plugins', async () => {
    const { certificate, key } = await (await testPki()).server()
    const dir = await tempDirWith({
      'security/server.pem': certificate,
      'security/server-key.pem': key,
      password: 'Ünïcode\n',
    })
    const plugin = await pluginFolder(
      `export const activate = (context) => context.registerRouter('/openidm', () => (request, response, next) =>
        request.url === '/sample' ? response.end('plugin') : next())`,
      ROUTERS,
    )
    const args = ['--project', dir, '--host', 'localhost', '--port', '0', '--https-port', '0', '--plugin', plugin]
    const started = run(['start', ...args], { OPENIDM_ADMIN_PASSWORD_FILE: join(dir, 'password') })
    assert.match(await listeningUrl(started), /^http:\/\/localhost:/)
    const url = await listeningUrl(started, 'https')
    const authorization = `Basic ${Buffer.from('openidm-admin:Ünïcode').toString('base64')}`
    const { text } = await request(`${url}/sample`, { ca: (await testPki()).ca, headers: { authorization } })
    assert.equal(text, 'plugin')
    await started.kill()
    assert.doesNotMatch(started.output, /Ünïcode|well-known/)
  })

  describe('told to stop while a request is under way', () => {
    /** A gateway with a request whose answer has begun and waits for one more byte of the body. */
    async function busy() {
      const plugin = await pluginFolder(
        `export const activate = (context) => context.registerRouter('/openidm', () => (request, response, next) => {
          if (request.url !== '/sample') return next()
          response.write('begun ')
          request.on('end', () => response.end('done')).resume()
        })`,
        ROUTERS,
      )
      const started = run(['start', '--project', await tempDir(), '--port', '0', '--plugin', plugin])
      const port = Number(new URL(await listeningUrl(started)).port)
      const raw = await openRaw(port)
      const credentials = 'X-OpenIDM-Username: openidm-admin\r\nX-OpenIDM-Password: openidm-admin\r\n'
      await raw.write(`POST /openidm/sample HTTP/1.1\r\nHost: x\r\n${credentials}Content-Length: 1\r\n\r\n`)
      await until(() => raw.received.includes('begun'), 'the answer has begun')
      started.child.kill('SIGTERM')
      await started.line('stopping')
      return { started, raw, port }
    }

    it('finishes it, and takes no other', async () => {
      const { started, raw, port } = await busy()
      await assert.rejects(openRaw(port), { code: 'ECONNREFUSED' })
      await raw.write('x')
      assert.equal((await raw.response()).text, 'begun done')
      assert.deepEqual(await started.exited, { code: 0, signal: null })
    })

    it('ends at once when told a second time', async () => {
      const { started, raw } = await busy()
      assert.deepEqual(await started.kill('SIGINT'), { code: 130, signal: null })
      await raw.untilEnded()
    })
  })

  it('leaves a project that is in use to edits: a broken instance file does not keep it from starting', async () => {
    const dir = await tempDir()
    await writeFiles(dir, { 'conf/external.idm-broken.json': '{"authType":' })
    const started = run(['start', '--project', dir, '--port', '0'])
    await listeningUrl(started)
    assert.match(started.stderr, /external\.idm-broken\.json/)
    assert.deepEqual(await started.kill('SIGINT'), { code: 0, signal: null })
  })
})
