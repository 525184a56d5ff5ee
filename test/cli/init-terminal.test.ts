import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { blocksFor } from '../helpers/markdown.ts'
import {
  atTerminal,
  BIN,
  CTRL_C,
  CTRL_D,
  DOWN,
  ENTER,
  hasTerminal,
  type Typed,
  typedAtTerminal,
} from '../helpers/terminal.ts'
import { CREDENTIALS, initStage } from './init-stage.ts'

const signIn = (name: string): [prompt: string, keys: string][] => [
  [`How does this gateway sign in to ${name}?`, ENTER],
  [`User name at ${name}`, CREDENTIALS.userName + ENTER],
  [`Password for ${name} (not shown)`, CREDENTIALS.password + ENTER],
]

const MAPPED: [prompt: string, keys: string][] = [
  ['Trust certificate 2, CN=Unknown authority?', 'y'],
  ['Make a mapping between two remotes?', ENTER],
  ['Source: read from', ENTER],
  ['Write these files?', ENTER],
]

describe('init at a terminal', function () {
  this.timeout(60_000)

  before(function () {
    if (!hasTerminal) this.skip()
  })

  it('leads from an empty directory to a dry run between two remotes', async () => {
    const { cwd, eu, us, fingerprint } = await initStage()
    eu.seed('managed/user', [{ _id: 'u1', userName: 'amira', sn: 'Li', mail: 'a@x' }])
    const made = await typedAtTerminal(['init', '--project', 'my project'], {
      cwd,
      answers: [
        ['Name of the remote in this gateway', `eu${ENTER}`],
        ['URL of eu', eu.url + ENTER],
        ['Add another remote?', ENTER],
        ['Name of the remote in this gateway', `us${ENTER}`],
        ['URL of us', us.url + ENTER],
        ['Add another remote?', ENTER],
        ...[...signIn('eu'), ...signIn('us'), ...MAPPED],
      ],
    })
    assert.deepEqual([made.code, made.unanswered], [0, []], made.output)
    assert.ok(made.output.includes(`SHA-256 ${fingerprint}`))
    assert.ok(!made.output.includes(CREDENTIALS.password))
    assert.match(made.output, /^ {2}password +private at the source$/m)
    const [, next = ''] = /^ +(node \S+ recon .*)$/m.exec(made.output) ?? []
    assert.match(next, / recon eu_us --dry-run --project 'my project'$/)
    assertPlan(await atTerminal(next, { cwd, answers: [] }))
    assert.deepEqual([eu.writes, us.writes], [[], []])
  })

  it('does what the documentation shows', async () => {
    const { cwd, eu, us } = await initStage()
    eu.seed('managed/user', [{ _id: 'u1', userName: 'amira', sn: 'Li', mail: 'a@x' }])
    const [init = '', recon = ''] = blocksFor('init').map(({ text }) =>
      text
        .replaceAll('npm run --silent cli --', `"${process.execPath}" "${BIN}"`)
        .replace('https://idm-eu.example.net:8443/openidm/', eu.url)
        .replace('https://idm-us.example.net:8443/openidm/', us.url),
    )
    const made = await atTerminal(init, { cwd, answers: [...signIn('eu'), ...signIn('us'), ...MAPPED] })
    assert.deepEqual([made.code, made.unanswered], [0, []], made.output)
    assertPlan(await atTerminal(recon, { cwd, answers: [] }))
  })

  const ENDINGS: [what: string, answers: [prompt: string, keys: string][], message: RegExp][] = [
    ['no certificate is trusted', [['Trust certificate 2', ENTER]], /is not trusted: nothing was written/],
    ['it is canceled', [['Trust certificate 2', CTRL_C]], /canceled: nothing was written/],
    ['the input ends', [['Trust certificate 2', CTRL_D]], /canceled: nothing was written/],
    [
      'the files are not wanted',
      [
        ['Trust certificate 2', 'y'],
        ['Make a mapping', 'n'],
        ['Write these files?', 'n'],
      ],
      /nothing was written/,
    ],
  ]
  for (const [what, answers, message] of ENDINGS)
    it(`writes nothing when ${what}`, async () => {
      const stage = await initStage()
      const args = ['init', '--project', 'p', ...stage.flags]
      const { code, output, unanswered } = await typedAtTerminal(args, { cwd: stage.cwd, answers })
      assert.deepEqual([code, unanswered], [1, []], output)
      assert.match(output, message)
      assert.ok(!existsSync(join(stage.cwd, 'p')))
    })

  it('tells what is wrong with an answer, and asks for OAuth 2.0 where that is chosen', async () => {
    const { cwd } = await initStage()
    const { code, output, unanswered } = await typedAtTerminal(['init', '--project', 'p', '--no-check'], {
      cwd,
      answers: [
        ['Name of the remote', `e/u${ENTER}`],
        ['must match', `\x7f\x7fu${ENTER}`],
        ['URL of eu', `idm${ENTER}`],
        ['it is no absolute URL', `\x15https://idm.example.com/openidm${ENTER}`],
        ['Add another remote?', 'n'],
        ['How does this gateway sign in to eu?', DOWN + ENTER],
        ['Token endpoint for eu', `https://idm.example.com/token${ENTER}`],
        ['Client id at eu', `proxy${ENTER}`],
        ['Scope for eu, if any', `fr:idm:* openid${ENTER}`],
        ['How does proxy authenticate?', ENTER],
        ['Client secret for eu', `s3cret${ENTER}`],
        ['Write these files?', ENTER],
      ],
    })
    assert.deepEqual([code, unanswered], [0, []], output)
    const { clientSecret, ...content } = JSON.parse(readFileSync(join(cwd, 'p/conf/external.idm-eu.json'), 'utf8'))
    assert.ok(clientSecret.$crypto)
    assert.deepEqual(content, {
      authType: 'bearer',
      instanceUrl: 'https://idm.example.com/openidm',
      clientId: 'proxy',
      tokenEndpoint: 'https://idm.example.com/token',
      scope: ['fr:idm:*', 'openid'],
      tokenEndpointAuthMethod: 'client_secret_basic',
    })
  })
})

function assertPlan({ code, output }: Typed): void {
  assert.equal(code, 0, output)
  assert.match(output, /1 {2}ABSENT {2}CREATE/)
  assert.match(output, /\/userName: null → "amira"/)
}
