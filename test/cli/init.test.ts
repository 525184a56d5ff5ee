import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decrypt, parseKeys } from '../../lib/config/values/crypto/crypto.ts'
import type { JsonObject } from '../../lib/contract.ts'
import { writeFiles } from '../helpers/files.ts'
import { CREDENTIALS, type InitStage, initStage, USER } from './init-stage.ts'

const contentOf = (file: string): JsonObject => JSON.parse(readFileSync(file, 'utf8'))

/** The files of a project, with their content. */
function filesIn(dir: string): Record<string, string> {
  if (!existsSync(dir)) return {}
  const names = readdirSync(dir, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && entry.name !== 'acceptance.json',
  )
  return Object.fromEntries(names.map(({ parentPath, name }) => [name, readFileSync(join(parentPath, name), 'utf8')]))
}

const WRITTEN = ['crypto.keys', 'external.idm-eu.json', 'external.idm-us.json', 'mapping-eu_us.json', 'truststore.pem']

describe('the command init', () => {
  let stage: InitStage
  let dir: string
  let complete: string[]

  beforeEach(async () => {
    stage = await initStage()
    dir = join(stage.cwd, 'p')
    const { flags, fingerprint } = stage
    complete = ['init', '--project', 'p', ...flags, '--trust-fingerprint', fingerprint, '--map', 'eu=us', '--yes']
  })

  it('makes a project from options: one init, one dry run', async () => {
    const { run, cwd, eu, us } = stage
    const made = await run(...complete)
    assert.deepEqual([made.code, made.stderr], [0, ''], made.stdout)
    assert.deepEqual(Object.keys(filesIn(dir)).sort(), WRITTEN)
    const file = join(dir, 'conf/external.idm-eu.json')
    const { password, ...content } = contentOf(file)
    assert.deepEqual(content, { authType: 'basic', instanceUrl: eu.url, userName: 'svc' })
    const keys = parseKeys(readFileSync(join(dir, 'security/crypto.keys'), 'utf8'), 'keys')
    assert.equal(decrypt(password ?? null, keys), CREDENTIALS.password)
    for (const name of [file, join(dir, 'security/crypto.keys')]) assert.equal(statSync(name).mode & 0o77, 0)
    assert.match(made.stdout, /^2 of 2 instances well$/m)
    assert.match(made.stdout, /^Mapping eu_us\. Mapped: userName, sn, mail$/m)
    for (const line of [
      /^ {2}password +private at the source$/m,
      /^ {2}roles +a relationship at the source$/m,
      /^ {2}city +missing at the target$/m,
      /^ {2}age +number at the source, string at the target$/m,
      /^ {2}frIndexedString1 +missing at the source$/m,
    ])
      assert.match(made.stdout, line)
    assert.deepEqual([eu.writes, us.writes], [[], []])

    eu.seed('managed/user', [{ _id: 'u1', userName: 'amira', sn: 'Li', mail: 'a@x' }])
    us.seed('managed/alpha_user', [])
    const [, typed = ''] = /^ +(?:npm run --silent cli --|node \S+) (recon .*)$/m.exec(made.stdout) ?? []
    assert.equal(typed, 'recon eu_us --dry-run --project p')
    const plan = await run(...typed.split(' '))
    assert.equal(plan.code, 0)
    assert.match(plan.stderr, /^Run \S+: plan of eu_us\n$/)
    assert.match(plan.stdout, /^ +1 {2}ABSENT {2}CREATE$/m)
    assert.match(plan.stdout, /\/userName: null → "amira"/)
    assert.deepEqual([eu.writes, us.writes], [[], []])
    assert.ok(!existsSync(join(cwd, 'conf')))
  })

  it('names all options that are missing without a terminal', async () => {
    const { run, eu } = stage
    const lacking = ['--remote', `eu=${eu.url}`, '--remote', 'us=https://us/', '--client-id', 'us=c']
    const { code, stderr } = await run('init', '--project', 'p', ...lacking)
    assert.equal(code, 2)
    const names = ['--user eu=… (or', '--secret-file eu=…', '--token-endpoint us=…', '--secret-file us=…', '--yes']
    for (const name of names) assert.ok(stderr.includes(name), `${name}: ${stderr}`)
    const nothing = await run('init', '--project', 'p')
    assert.match(nothing.stderr, /no terminal to ask at: give --remote NAME=URL, --yes\n/)
    assert.match((await run('init')).stderr, /--project <dir> is missing/)
    assert.ok(!existsSync(dir))
  })

  const REFUSED: [what: string, change: (args: string[]) => string[], message: RegExp][] = [
    ['a chain without a fingerprint', (args) => without(args, '--trust-fingerprint'), /is not trusted: compare/],
    ['the fingerprint of another', (args) => replaced(args, '--trust-fingerprint', '0'.repeat(64)), /none of its cert/],
    [
      'credentials that are refused',
      (args) => replaced(args, '--user', 'eu=other'),
      /the check has failed: nothing was/,
    ],
    ['a type that is not there', (args) => replaced(args, '--map', 'eu/managed/x=us'), /say which type of eu/],
    [
      'a remote that is not there',
      (args) => replaced(args, '--map', 'eu=asia'),
      /there is no remote asia; there are eu/,
    ],
    ['a name that is none', (args) => replaced(args, '--remote', 'e/u=https://x/'), /--remote e\/u: the instance name/],
    ['an address that is none', (args) => replaced(args, '--remote', 'eu=idm.example.com'), /instanceUrl: must be the/],
    ['options for nobody', (args) => [...args, '--user', 'asia=x'], /--user: there is no --remote asia=/],
    ['a secret file that is missing', (args) => replaced(args, '--secret-file', 'eu=none'), /none: does not exist/],
  ]
  for (const [what, change, message] of REFUSED)
    it(`writes nothing for ${what}`, async () => {
      const { code, stderr } = await stage.run(...change(complete))
      assert.notEqual(code, 0)
      assert.match(stderr, message)
      assert.ok(!existsSync(dir))
    })

  it('replaces no file without being told', async () => {
    const { run } = stage
    await writeFiles(dir, { 'conf/external.idm-us.json': '{}', 'conf/other.json': '{}' })
    const before = filesIn(dir)
    const refused = await run(...complete)
    assert.match(refused.stderr, /--remote us: has a file in conf\/ already: give another name, or --overwrite/)
    assert.deepEqual(filesIn(dir), before)
    assert.equal((await run(...complete, '--overwrite')).code, 0)
    assert.equal(contentOf(join(dir, 'conf/external.idm-us.json')).userName, 'svc')
    const first = filesIn(dir)
    const again = await run('init', '--project', 'p', '--map', 'eu=us', '--yes')
    assert.match(again.stderr, /mapping-eu_us\.json exists; --overwrite replaces it/)
    assert.deepEqual(filesIn(dir), first)
  })

  it('puts everything back when a file cannot be written', async () => {
    const { run } = stage
    await writeFiles(dir, {
      'security/truststore.pem': '# mine\n',
      'conf/external.idm-eu.json': '{}',
      'out.json': '{}',
    })
    // The last file: a link that leads out of conf/ is not written through.
    await symlink(join(dir, 'out.json'), join(dir, 'conf/mapping-eu_us.json'))
    const before = filesIn(dir)
    const failed = await run(...complete, '--overwrite')
    assert.match(failed.stderr, /mapping-eu_us\.json: .* is a link that leads out of the configuration directory/)
    assert.match(failed.stdout, /^Files:\n.*crypto\.keys\n.*truststore\.pem \(changed\)$/m)
    assert.deepEqual(filesIn(dir), before)
  })

  it('takes keys, trust and instances of a project that is there', async () => {
    const { run, cwd } = stage
    assert.equal((await run(...complete)).code, 0)
    const keys = readFileSync(join(dir, 'security/crypto.keys'), 'utf8')
    await rm(join(dir, 'conf/mapping-eu_us.json'))
    await rm(join(dir, 'conf/external.idm-us.json'))
    await writeFile(join(cwd, 'next.txt'), CREDENTIALS.password)
    const us = ['--remote', `us=${stage.us.url}`, '--user', 'us=svc', '--secret-file', 'us=next.txt']
    const map = 'eu/managed/user=us/managed/alpha_user'
    const { code, stdout, stderr } = await run('init', '--project', 'p', ...us, '--map', map, '--yes')
    assert.deepEqual([code, stderr], [0, ''])
    assert.doesNotMatch(stdout, / presents$/m)
    assert.equal(readFileSync(join(dir, 'security/crypto.keys'), 'utf8'), keys)
    assert.deepEqual(Object.keys(filesIn(dir)).sort(), WRITTEN)
  })

  it('asks a remote that hides config/managed for its schema, and without either makes no mapping', async () => {
    const { run, eu } = stage
    const hidden = eu.intercept('GET config/managed', async () => ({ status: 403, headers: {}, raw: '' }))
    const none = await run(...complete)
    assert.match(none.stderr, /eu: it shows no managed types \(config\/managed: 403\): give its user a role/)
    eu.intercept('GET schema/managed/user', async () => ({ status: 200, headers: {}, json: USER.eu }))
    assert.equal((await run(...complete)).code, 0)
    assert.ok(hidden.hits >= 2)
  })

  it('writes what cannot be reached with --no-check', async () => {
    await stage.eu.remote.close()
    const args = ['init', '--project', 'p', ...stage.flags, '--trust-fingerprint', stage.fingerprint, '--yes']
    assert.match((await stage.run(...args)).stderr, /--no-check writes without it/)
    const { code } = await stage.run(...args, '--no-check')
    assert.equal(code, 0)
    assert.deepEqual(Object.keys(filesIn(dir)).sort(), WRITTEN.slice(0, 3))
  })
})

const without = (args: readonly string[], flag: string): string[] => {
  const at = args.indexOf(flag)
  return [...args.slice(0, at), ...args.slice(at + 2)]
}

const replaced = (args: readonly string[], flag: string, value: string): string[] => {
  const at = args.indexOf(flag)
  return [...args.slice(0, at + 1), value, ...args.slice(at + 2)]
}
