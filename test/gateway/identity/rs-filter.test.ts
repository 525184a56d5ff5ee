import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { faultsOf } from '../../../lib/core/schema.ts'
import { serviceUnavailable } from '../../../lib/crest/errors.ts'
import { authenticationSchema } from '../../../lib/gateway/access/authentication-properties.ts'
import type { Introspection } from '../../../lib/gateway/access/introspection.ts'
import { RsFilter } from '../../../lib/gateway/access/rs-filter.ts'

const STANDARD = {
  clientId: 'rs',
  clientSecret: 'secret',
  tokenIntrospectUrl: 'https://am.example.com/introspect',
  scopes: ['fr:idm:*'],
  staticUserMapping: [
    {
      subject: '(age!proxy)',
      localUser: 'internal/user/idm-provisioning',
      roles: ['internal/role/platform-provisioning'],
    },
  ],
}

const active = (more: Partial<Extract<Introspection, { active: true }>> = {}): Introspection => ({
  active: true,
  subject: '(age!proxy)',
  clientId: 'proxy',
  scopes: new Set(['fr:idm:*']),
  // Tables are made when the file is read, which may be minutes before the tests run.
  expiresAt: Date.now() / 1000 + 86_400,
  ...more,
})

interface FilterParts {
  readonly properties?: JsonObject
  readonly answer?: Introspection | (() => Promise<Introspection>)
  readonly users?: Readonly<Record<string, JsonObject>>
}

function createFilter({ properties = {}, answer = active(), users = {} }: FilterParts = {}) {
  const { rsFilter } = authenticationSchema.parse({ rsFilter: { ...STANDARD, ...properties } })
  assert.ok(rsFilter)
  const asked: string[] = []
  const filter = new RsFilter({
    properties: rsFilter,
    introspect: async (token) => {
      asked.push(token)
      return typeof answer === 'function' ? answer() : answer
    },
    findUser: async (collection, property, value) => users[`${collection}?${property}=${value}`],
  })
  return { filter, asked }
}

describe('rsFilter', () => {
  it('gives a token the identity that its subject is mapped to', async () => {
    const { filter } = createFilter()
    assert.deepEqual(await filter.authenticate('t'), {
      authenticationId: 'idm-provisioning',
      authorization: {
        id: 'idm-provisioning',
        component: 'internal/user',
        roles: ['internal/role/platform-provisioning'],
      },
    })
  })

  const REFUSED: readonly (readonly [string, Introspection, number])[] = [
    ['inactive', { active: false }, 401],
    ['expired', active({ expiresAt: Date.now() / 1000 - 1 }), 401],
    ['without the scope', active({ scopes: new Set(['openid']) }), 403],
    ['of a client that is not mapped', active({ subject: '(age!other)' }), 403],
    ['of a user called like the client', active({ subject: '(usr!proxy)' }), 403],
    ['of nobody', active({ subject: undefined, clientId: undefined }), 403],
  ]
  for (const [name, answer, code] of REFUSED) {
    it(`answers ${code} to a token ${name}`, async () => {
      await assert.rejects(createFilter({ answer }).filter.authenticate('t'), { code })
    })
  }

  it('takes a plain subject, and a client without one', async () => {
    const properties = { staticUserMapping: [{ ...STANDARD.staticUserMapping[0], subject: 'proxy' }] as JsonObject[] }
    for (const answer of [active({ subject: 'proxy' }), active({ subject: undefined }), active()]) {
      const { authenticationId } = await createFilter({ properties, answer }).filter.authenticate('t')
      assert.equal(authenticationId, 'idm-provisioning')
    }
  })

  it('asks once for a token, however many wait, and remembers the answer', async () => {
    const { filter, asked } = createFilter()
    await Promise.all([filter.authenticate('t'), filter.authenticate('t'), filter.authenticate('u')])
    await filter.authenticate('t')
    assert.deepEqual(asked, ['t', 'u'])
  })

  it('remembers nothing when it must not, or when the token is at its end', async () => {
    const careful = createFilter({ properties: { cache: { maxTimeout: 'zero' } } })
    await careful.filter.authenticate('t')
    await careful.filter.authenticate('t')
    assert.equal(careful.asked.length, 2)
    const ending = createFilter({ answer: active({ expiresAt: Date.now() / 1000 - 5 }) })
    for (let i = 0; i < 2; i++) await assert.rejects(ending.filter.authenticate('t'), { code: 401 })
    assert.equal(ending.asked.length, 2)
  })

  it('remembers a refusal for a while', async () => {
    const { filter, asked } = createFilter({ answer: { active: false } })
    for (let i = 0; i < 3; i++) await assert.rejects(filter.authenticate('t'), { code: 401 })
    assert.equal(asked.length, 1)
  })

  it('remembers no failure of the token server', async () => {
    let failures = 1
    const { filter, asked } = createFilter({
      answer: async () => {
        if (failures-- > 0) throw serviceUnavailable('down')
        return active()
      },
    })
    await assert.rejects(filter.authenticate('t'), { code: 503 })
    assert.equal((await filter.authenticate('t')).authenticationId, 'idm-provisioning')
    assert.equal(asked.length, 2)
  })

  describe('subjectMapping', () => {
    const typed = {
      resourceTypeMapping: { usr: 'managed/user' },
      propertyMapping: { sub: 'userName' },
      userRoles: 'authzRoles/*',
      defaultRoles: ['internal/role/openidm-authorized'],
    }
    const users = {
      'managed/user?userName=bjensen': {
        _id: '17',
        userName: 'bjensen',
        authzRoles: [{ _ref: 'internal/role/openidm-admin' }, 'internal/role/openidm-authorized', 7],
      },
      'managed/user?_id=17': { _id: '17', userName: 'bjensen' },
    }

    it('finds the stored user and its roles', async () => {
      const { filter } = createFilter({
        properties: { subjectMapping: [typed] },
        answer: active({ subject: '(usr!bjensen)' }),
        users,
      })
      assert.deepEqual(await filter.authenticate('t'), {
        authenticationId: 'bjensen',
        authorization: {
          id: '17',
          component: 'managed/user',
          roles: ['internal/role/openidm-authorized', 'internal/role/openidm-admin'],
        },
      })
    })

    it('looks by plain subject where no kinds are named', async () => {
      const { filter } = createFilter({
        properties: { subjectMapping: [{ queryOnResource: 'managed/user' }] },
        answer: active({ subject: '17' }),
        users,
      })
      assert.equal((await filter.authenticate('t')).authorization.component, 'managed/user')
    })

    for (const subject of ['(age!bjensen)', 'bjensen', '(usr!nobody)', '(constructor!bjensen)']) {
      it(`finds nobody for ${subject}`, async () => {
        const { filter } = createFilter({ properties: { subjectMapping: [typed] }, answer: active({ subject }), users })
        await assert.rejects(filter.authenticate('t'), { code: 403 })
      })
    }
  })

  it('names who sends no token, when told so', () => {
    assert.equal(createFilter().filter.anonymous(), undefined)
    const anonymousUserMapping = { localUser: 'internal/user/anonymous', roles: ['internal/role/openidm-reg'] }
    const anonymous = createFilter({ properties: { anonymousUserMapping } }).filter.anonymous()
    assert.deepEqual(anonymous?.authorization.roles, ['internal/role/openidm-reg'])
  })

  it('says what is wrong with its properties, and never a value', () => {
    const { error } = authenticationSchema.safeParse({
      rsFilter: {
        clientSecret: 'CANARY',
        tokenIntrospectUrl: 'ldap://CANARY@x',
        cache: { maxTimeout: 'CANARY' },
        staticUserMapping: [{ subject: 'x', localUser: 'CANARY', roles: [] }],
        subjectMapping: [{}],
      },
    })
    assert.ok(error)
    const faults = faultsOf(error).map(({ key, message }) => `${key}: ${message}`)
    assert.equal(faults.join().includes('CANARY'), false)
    assert.deepEqual(
      faultsOf(error).map(({ key }) => key),
      [
        'rsFilter.clientId',
        'rsFilter.tokenIntrospectUrl',
        'rsFilter.cache.maxTimeout',
        'rsFilter.staticUserMapping.0.localUser',
        'rsFilter.subjectMapping.0',
      ],
    )
  })
})
