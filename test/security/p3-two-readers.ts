import assert from 'node:assert/strict'
import { Agent } from 'node:http'
import fc from 'fast-check'
import { onCleanUp } from '../helpers/clean-up.ts'
import { request as send } from '../helpers/http.ts'
import { assertNothingSeen, callRaw, MOUNT, type OnStage, seen, wire } from './caller.ts'
import { BASE, type Stage } from './stage.ts'

const RUNS = 250

/** What paths are made of, and what attacks on paths are made of. */
const piece = fc.oneof(
  fc.constantFrom(
    '..',
    '.',
    '%2e',
    '%2E%2e',
    '%252e',
    '/',
    '//',
    '%2f',
    '%252F',
    '\\',
    '%5c',
    ';',
    '..;',
    '%3b',
    '#',
    '%23',
  ),
  fc.constantFrom(
    'managed',
    'user',
    'a%20b',
    '...',
    '%C3%BC',
    '+',
    '%2B',
    '%00',
    '%',
    '%2',
    '%zz',
    '|',
    '"',
    '~',
    '@',
    ':',
  ),
  fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)), maxLength: 4 }),
)
const rest = fc.array(piece, { minLength: 1, maxLength: 7 }).map((pieces) => pieces.join(''))
const query = fc.oneof(
  fc.constant(''),
  rest.map((text) => `?${text}`),
)

/** In front of the rest: our own prefix, and what merely looks like it. */
const prefix = fc.oneof(
  { weight: 3, arbitrary: fc.constant(`${MOUNT}eu/`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '/openidm/%65xternal/idm/eu/',
      '/openidm/external%2fidm/eu/',
      '/openidm//external/idm/eu/',
      '//openidm/external/idm/eu/',
      '/openidm/external//idm/eu/',
      '/openidm/external/idm//eu/',
      '/openidm/external/idm/%65u/',
      '/openidm/external/idm/eu%2f',
      '/openidm/external/idm/eu;a/',
      '/openidm;a/external/idm/eu/',
      '/openidm/EXTERNAL/idm/eu/',
      '/openidm/external/idm/EU/',
      '/openidm/openidm/external/idm/eu/',
      '/external/idm/eu/',
      '/%6fpenidm/external/idm/eu/',
      '/x/../openidm/external/idm/eu/',
      '/openidm/external/idm/us/../eu/',
    ),
  },
)

/** As the most careless server reads a path: decoded to the end, backslashes for slashes, without parameters. */
function careless(path: string): string {
  let text = path
  for (let last = ''; text !== last; ) {
    last = text
    text = text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  }
  const segments: string[] = []
  for (const segment of text
    .replaceAll('\\', '/')
    .replace(/[?#].*$/s, '')
    .split('/')) {
    const bare = segment.split(';', 1)[0] ?? ''
    if (bare === '..') segments.pop()
    else if (bare !== '' && bare !== '.') segments.push(bare)
  }
  return `/${segments.join('/')}/`
}

/** One path, and what has become of it. */
async function judge(stage: Stage, agent: Agent, target: string): Promise<void> {
  const before = seen(stage).length
  const answer = await send(`http://127.0.0.1:${stage.host.ports.bare}${target}`, { agent })
  const [request, ...more] = seen(stage).slice(before)
  assert.equal(more.length, 0)
  assert.ok(answer.status < 500, `${answer.status} ${answer.text}`)
  if (!request) {
    assert.notEqual(answer.status, 200)
    return
  }
  const access = Buffer.from(String(answer.headers['x-access-path']), 'base64').toString('latin1')
  assert.equal(access, target, 'the access decision saw what was sent')
  assert.equal(request.url, BASE + target.slice(`${MOUNT}eu/`.length), 'the remote saw the same bytes below its base')
  assert.ok(target.startsWith(`${MOUNT}eu/`))
  const path = request.url.split('?', 1)[0] ?? ''
  assert.ok(careless(path).startsWith(BASE), `${path} stays below the base path for every reader`)
  assert.ok(new URL(path, 'http://x').pathname.startsWith(BASE))
}

export const p3 = (stage: OnStage): void => {
  describe('P3 guard, access decision and remote read one path', () => {
    it(`${RUNS} made-up paths: the remote sees nothing, or exactly what was allowed`, async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      onCleanUp(() => agent.destroy())
      const property = fc.asyncProperty(prefix, rest, query, (start, path, end) =>
        judge(stage(), agent, start + path + end),
      )
      await fc.assert(property, { numRuns: RUNS, verbose: 1 })
      assert.ok(stage().eu.requests.length > RUNS / 20, `${stage().eu.requests.length} of them arrived`)
    })

    it('a prefix that merely decodes to ours is not ours', async () => {
      for (const target of [
        '/openidm/%65xternal/idm/eu/managed/user',
        '/%6fpenidm/external/idm/eu/managed/user',
        '/openidm/external%2Fidm/eu/managed/user',
        '/openidm/external%2Fidm%2Feu/managed/user',
        '//openidm/external/idm/eu/managed/user',
        '/openidm//external/idm/eu/managed/user',
        '/openidm/external;x/idm/eu/managed/user',
        '/openidm/external/IDM/eu/managed/user',
        '/openidm/external/idm%3F/eu/managed/user',
        '/openidm/openidm/external/idm/eu/managed/user',
        '/external/idm/eu/managed/user',
        'http://gateway.example.com/external/idm/eu/managed/user',
        'openidm/external/idm/eu/managed/user',
        '*',
      ]) {
        const { response } = await callRaw(stage(), wire(`GET ${target}`))
        assert.ok([400, 404].includes(response.status), `${target} ${response.status}`)
      }
      assertNothingSeen(stage())
    })

    it('a name that merely decodes to one of an instance is none', async () => {
      for (const name of [
        '%65u',
        'EU',
        'eu%00',
        'eu;a',
        'eu%20',
        'eu.',
        'eu%2f..',
        'e%55',
        'eu:80',
        'eu%3f',
        '~eu',
        '@eu',
      ]) {
        const { response } = await callRaw(stage(), wire(`GET ${MOUNT}${name}/managed/user`))
        assert.ok([400, 404].includes(response.status), `${name} ${response.status}`)
      }
      assertNothingSeen(stage())
    })

    it('the absolute form is read like the other, or not at all', async () => {
      const target = `${MOUNT}eu/managed/user?_fields=x`
      const { response } = await callRaw(stage(), wire(`GET http://gateway.example.com${target}`))
      if (response.status === 200) assert.equal(stage().eu.last.url, `${BASE}managed/user?_fields=x`)
      else assertNothingSeen(stage())
      for (const attack of ['/../../admin', '/%2e%2e/admin', '//../admin', '/..;/admin']) {
        const { response } = await callRaw(stage(), wire(`GET http://gateway.example.com${MOUNT}eu${attack}`))
        assert.ok([400, 404].includes(response.status), `${attack} ${response.status}`)
      }
      assert.ok(seen(stage()).length <= 1)
    })
  })
}
