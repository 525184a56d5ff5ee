import assert from 'node:assert/strict'
import { join } from 'node:path'
import { main } from '../../lib/cli/cli.ts'
import { authenticationSchema } from '../../lib/gateway/access/authentication-properties.ts'
import { tempDirWith } from '../helpers/files.ts'
import { startGateway } from './parts.ts'

const RS_FILTER = { clientId: 'c', clientSecret: 's', tokenIntrospectUrl: 'http://127.0.0.1:9/' }
const mapping = (subject: string) => ({ subject, localUser: 'internal/user/x', roles: [] })

describe('what has no effect is named', () => {
  it('unknown members of access and authentication, in the log', async () => {
    const { call, log } = await startGateway()
    const put = (id: string, json: object) => call(`/config/${id}`, { method: 'PUT', json })
    const authentication = { rsFilter: { ...RS_FILTER, scope: 'x', _parked: 1 }, idpUser: 'x', comment: '' }
    assert.equal((await put('authentication', authentication)).status, 201)
    const rules = [{ pattern: '*', roles: '*', methods: '*', actions: '*' }]
    assert.equal((await put('access', { configs: rules, config: [] })).status, 201)
    assert.equal((await put('access', { configs: rules, config: [], _x: 1 })).status, 200)
    const warnings = log.entries.filter(({ level, notices }) => level === 'warn' && notices !== undefined)
    assert.deepEqual(
      warnings.map(({ msg }) => msg),
      [
        'authentication.json: idpUser: it has no effect here; rsFilter.scope: it has no effect here',
        'access.json: config: it has no effect here',
      ],
    )
  })

  it('in check, with the properties that scripts ask for and do not get', async () => {
    const ask = (name: string) => `identityServer.getProperty("${name}", "d", true)`
    const dir = await tempDirWith({
      'conf/authentication.json': { rsFilter: RS_FILTER, unknown: 1 },
      'conf/endpoint-x.json': { type: 'text/javascript', source: ask('DB_HOST') },
      'conf/script.json': { visibleProperties: ['seen.token'] },
      'script/deep/a.js': `${ask('my.password')}; ${ask('seen.token')}; ${ask('plain')}; ${ask('not.there.password')}`,
      'resolver/boot.properties': 'my.password=canary\nseen.token=canary\nplain=x\n',
    })
    let stderr = ''
    const silent = { write: () => undefined }
    const io = { stdout: silent, stderr: { write: (text: string) => (stderr += text) }, cwd: dir }
    await main(['check', '--conf', join(dir, 'conf')], { ...io, stdin: process.stdin, env: { DB_HOST: 'canary' } })
    assert.match(stderr, /^authentication\.json: unknown: it has no effect here\nscript\.json: /)
    assert.match(
      stderr,
      /script\.json: visibleProperties: scripts ask for properties that are hidden from them: DB_HOST, my\.password\n/,
    )
    assert.doesNotMatch(stderr, /canary/)
  })
})

describe('fixed subjects at the top of authentication.json', () => {
  it('stand beside those of rsFilter', () => {
    const rsFilter = { ...RS_FILTER, staticUserMapping: [mapping('a')] }
    const { rsFilter: read } = authenticationSchema.parse({ rsFilter, staticUserMapping: [mapping('b')] })
    assert.deepEqual(
      read?.staticUserMapping.map(({ subject }) => subject),
      ['a', 'b'],
    )
    assert.equal(authenticationSchema.parse({ staticUserMapping: [mapping('b')] }).rsFilter, undefined)
    assert.throws(() => authenticationSchema.parse({ staticUserMapping: [{}] }))
  })
})
