import assert from 'node:assert/strict'
import { join } from 'node:path'
import { writeAtomically } from '../helpers/files.ts'
import { until } from '../helpers/until.ts'
import { startGateway } from './parts.ts'

const READER = 'internal/role/reader'
const CONF = {
  'authentication.json': {
    serverAuthContext: {
      authModules: [
        {
          ...{ name: 'STATIC_USER', enabled: true },
          properties: {
            ...{ queryOnResource: 'internal/user', username: 'reader', password: 'a reader' },
            defaultUserRoles: [READER],
          },
        },
      ],
    },
  },
}
const RULES = [
  { pattern: '*', roles: 'internal/role/openidm-admin', methods: '*', actions: '*' },
  { pattern: 'recon/*', roles: READER, methods: 'read,action', actions: 'cancel' },
  { pattern: 'config/external.idm/eu', roles: READER, methods: 'read,update' },
  { pattern: 'internal/user/*', roles: READER, methods: 'read', customAuthz: 'ownDataOnly()' },
]
const AS_READER = { headers: { 'x-openidm-username': 'reader', 'x-openidm-password': 'a reader' } }

const asking = (...questions: string[]): string =>
  `/?${questions.map((question) => `_allowed=${encodeURIComponent(question)}`).join('&')}`

async function startWithReader() {
  const { call, project } = await startGateway({ conf: { ...CONF, 'access.json': { configs: RULES } } })
  const answers = async (questions: readonly string[], options = AS_READER) => {
    const { status, json } = await call(asking(...questions), options)
    assert.equal(status, 200)
    return (json as { allowed: Record<string, boolean> }).allowed
  }
  return { call, project, answers }
}

describe('what the caller may do', () => {
  it('is answered for single requests, as the rules judge them', async () => {
    const { answers } = await startWithReader()
    const expected = {
      'read recon/1': true,
      'read recon': false,
      'action recon/1?_action=cancel': true,
      'action recon/1?_action=approve': false,
      'action recon?_action=recon&mapping=people': false,
      'update config/external.idm/eu': true,
      'create config/external.idm/eu': false,
      'update config/external.idm/us': false,
      'update config/external.idm/eu%2Fx': false,
      'read internal/user/reader': true,
      'read internal/user/other': false,
      // No request can have such a path.
      'read recon/../config': false,
      'read recon/%zz': false,
    }
    assert.deepEqual(await answers(Object.keys(expected)), expected)
  })

  it('says of each request what becomes of it', async () => {
    const { answers, call } = await startWithReader()
    const requests: readonly (readonly [string, string, string])[] = [
      ['read config/external.idm/eu', 'GET', '/config/external.idm/eu'],
      ['read config/access', 'GET', '/config/access'],
      ['query config', 'GET', '/config?_queryFilter=true'],
      ['action recon/1?_action=cancel', 'POST', '/recon/1?_action=cancel'],
      ['action recon/1?_action=resume', 'POST', '/recon/1?_action=resume'],
      ['delete recon/1', 'DELETE', '/recon/1'],
    ]
    const allowed = await answers(requests.map(([question]) => question))
    for (const [question, method, path] of requests)
      assert.equal((await call(path, { ...AS_READER, method })).status !== 403, allowed[question], question)
  })

  it('follows the rules while they change', async () => {
    const { answers, project } = await startWithReader()
    assert.deepEqual(await answers(['read recon/1']), { 'read recon/1': true })
    await writeAtomically(join(project.conf, 'access.json'), { configs: RULES.slice(0, 1) })
    await until(async () => (await answers(['read recon/1']))['read recon/1'] === false)
  })

  it('is for those who are signed in, at one place, and takes questions only', async () => {
    const { call } = await startWithReader()
    assert.equal((await call(asking('read recon/1'), { headers: {} })).status, 401)
    assert.equal((await call(`/config${asking('read recon/1')}`, AS_READER)).status, 403)
    assert.equal((await call(asking('read recon/1'), { ...AS_READER, method: 'POST' })).status, 403)
    const wrong = ['', 'recon/1', 'read', 'steal recon/1', 'action recon/1', 'read recon/1?_action=cancel']
    for (const question of wrong) assert.equal((await call(asking(question), AS_READER)).status, 400, question)
    assert.equal((await call(asking(...Array<string>(101).fill('read recon/1')), AS_READER)).status, 400)
  })
})
