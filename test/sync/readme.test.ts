import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { JsonObject } from '../../lib/contract.ts'
import { DEFAULT_ACTIONS } from '../../lib/sync/situation.ts'
import { tempDir, tempDirWith } from '../helpers/files.ts'
import { spawnNode } from '../helpers/process.ts'
import { type Block, codeBlocks } from '../helpers/readme.ts'
import { startRemoteIdm, startSyncGateway } from './gateways.ts'

const ROOT = join(import.meta.dirname, '../..')
const README = join(ROOT, 'README.md')
const BIN = join(ROOT, 'lib/bin.js')
const shell = promisify(execFile)

/** Ids and times of runs, which are others each time. */
const masked = (text: string): string =>
  text
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-\d+/g, 'RUN')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z, [\d.]+ s/g, 'TIME')

async function sectionText(): Promise<string> {
  const [, text = ''] = /^(## Synchronize two instances\n[\s\S]*?)\n## /m.exec(await readFile(README, 'utf8')) ?? []
  assert.notEqual(text, '')
  return text
}

/** The blocks of the section, which is all that this file is about. */
async function section(language: string): Promise<Block[]> {
  const file = join(await tempDirWith({ 'section.md': await sectionText() }), 'section.md')
  return (await codeBlocks(file)).filter((block) => block.language === language)
}

describe('the section "Synchronize two instances" of the README', function () {
  this.timeout(60_000)

  it('has a mapping that does between two instances what the text says', async () => {
    const [block, ...others] = await section('json')
    assert.equal(others.length, 0)
    const { mappings } = JSON.parse(block?.text ?? '') as { mappings: JsonObject[] }
    const [source, target] = [await startRemoteIdm(), await startRemoteIdm()]
    const gateway = await startSyncGateway({ 65: source, fidc: target }, mappings)
    const user = { userName: 'ada', givenName: 'Ada', sn: 'Lovelace', mail: 'ada@example.com' }
    await source.connection.create('managed/user', 'a', { ...user, secret: 'not mapped' })
    await source.connection.create('managed/user', 'b', { ...user, userName: 'bo' })
    const path = `/recon?_action=recon&mapping=${String(mappings[0]?.name)}&waitForCompletion=true`
    const run = async () => (await gateway.call(path, { method: 'POST' })).json as JsonObject
    const found = async () =>
      (await target.connection.query('managed/alpha_user', { _queryFilter: 'true' })).result.map(
        ({ _id, _rev, ...content }) => content,
      )
    assert.equal((await run()).state, 'SUCCESS')
    assert.deepEqual(await found(), [user, { ...user, userName: 'bo' }])
    await source.connection.delete('managed/user/b', null)
    await run()
    assert.deepEqual(await found(), [user])
    assert.ok(!gateway.log.entries.some(({ level, msg }) => level !== 'info' && /sync\.json/.test(String(msg))))
  })

  it('has commands that answer as printed, on a fresh demo', async function () {
    if (!(await shell('curl', ['--version']).catch(() => undefined))) this.skip()
    const { dir, http, https } = await startDemo()
    const [block, ...others] = await section('sh')
    assert.equal(others.length, 0)
    const commands = (block?.text ?? '')
      .replaceAll('https://localhost:8443', https)
      .replaceAll('http://localhost:8080', http)
      .replaceAll('npm run --silent cli --', `"${process.execPath}" "${BIN}"`)
      .replaceAll('curl ', 'curl --silent --fail-with-body ')
    const env = { ...process.env, CURL_CA_BUNDLE: join(dir, 'demo/security/demo-ca.pem') }
    const { stdout } = await shell('bash', ['-e', '-c', commands], { cwd: dir, env })
    assert.doesNotMatch(stdout, /"code":[45]\d\d/)
    assert.match(stdout, /platform_users: external\/idm\/platform\/managed\/user → managed\/user$/m)
    assert.match(stdout, /Targets: 0 created, 0 updated, 3 unchanged, 0 deleted/)
    for (const name of ['testUser', 'bjensen', 'scarter']) assert.match(stdout, new RegExp(`"userName":"${name}"`))
    const printed = await section('text')
    assert.equal(printed.length, 2)
    for (const { text } of printed) assert.ok(masked(stdout).includes(masked(text)), `${text}\nis not in\n${stdout}`)
  })

  it('says what each situation means and has done about it', async () => {
    const rows = [...(await sectionText()).matchAll(/^\| ([A-Z_]+) \| [^|]+ \| ([A-Z]+)/gm)]
    const said = Object.fromEntries(rows.map(([, situation = '', action = '']) => [situation, action] as const))
    // The other two belong to implicit synchronization, which there is none of.
    const { ALL_GONE: _, LINK_ONLY: __, ...actions } = DEFAULT_ACTIONS
    assert.deepEqual(said, actions)
  })
})

interface Demo {
  readonly dir: string
  readonly http: string
  readonly https: string
}

/** What `npm start` starts, on free ports. */
async function startDemo(): Promise<Demo> {
  const dir = await tempDir()
  const env = { PORT: '0', HTTPS_PORT: '0', LOG_LEVEL: 'error', OPENIDM_ADMIN_PASSWORD: undefined }
  const started = spawnNode([BIN, 'demo'], { cwd: dir, env })
  await started.line('Ctrl-C ends the demo', 30_000)
  const originOf = async (scheme: string) => {
    const { port } = new URL((await started.line(`Listening on ${scheme}:`)).replace('Listening on ', ''))
    return `${scheme}://localhost:${port}`
  }
  return { dir, http: await originOf('http'), https: await originOf('https') }
}
