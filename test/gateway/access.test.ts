import assert from 'node:assert/strict'
import { faultsOf } from '../../lib/core/schema.ts'
import type { Operation } from '../../lib/crest/http/effective-request.ts'
import { requestPathOf } from '../../lib/crest/http/request-path.ts'
import { defaultAccess, isAllowed } from '../../lib/gateway/access/access.ts'
import { type AccessRule, type AccessRuleText, accessSchema } from '../../lib/gateway/access/access-rules.ts'

const rulesOf = (...configs: AccessRuleText[]) => accessSchema.parse({ configs }).configs
const allowed = (rules: readonly AccessRule[], role: string, path: string, ...operations: Operation[]): boolean =>
  isAllowed(rules, [role], { path: requestPathOf(path), operations })

const read: Operation = { method: 'read' }
const everything = { roles: '*', methods: '*', actions: '*' }

describe('access rules', () => {
  const PATTERNS: readonly (readonly [pattern: string, path: string, fits: boolean])[] = [
    ['*', '/', true],
    ['*', '/managed/user/x', true],
    ['managed', '/managed', true],
    ['managed', '/managed/user', false],
    ['managed/*', '/managed', false],
    ['managed/*', '/managed/', false],
    ['managed/*', '/managed/user/x', true],
    ['managed/*', '/managedx/user', false],
    ['managed/user/*', '/managed/%75ser/x', true],
    ['managed/user/*', '/managed/user/a%2Fb', true],
    ['managed/user/*', '/managed/user%2Fa', false],
    ['info/*', '/INFO/ping', false],
  ]
  for (const [pattern, path, fits] of PATTERNS) {
    it(`pattern ${pattern} ${fits ? 'fits' : 'does not fit'} ${path}`, () => {
      assert.equal(allowed(rulesOf({ pattern, ...everything }), 'any', path, read), fits)
    })
  }

  it('take the excluded patterns out, in every reading of the path', () => {
    const rules = rulesOf({
      pattern: 'external/*',
      ...everything,
      excludePatterns: 'external/config, external/config/*',
    })
    assert.equal(allowed(rules, 'any', '/external/managed/user', read), true)
    for (const path of [
      '/external/config',
      '/external/config/',
      '/external/c%6fnfig/x',
      '/external/config%2Fx',
      '/external/%2563onfig',
      '/external/config%2F',
    ]) {
      assert.equal(allowed(rules, 'any', path, read), false, path)
    }
  })

  it('name roles, methods and actions; all needed permissions must be given', () => {
    const rules = rulesOf(
      { pattern: 'a/*', roles: 'role/one, role/two', methods: 'read,action,create', actions: 'start, stop' },
      { pattern: 'a/*', roles: 'role/two', methods: 'update', actions: '' },
    )
    assert.equal(allowed(rules, 'role/one', '/a/b', read), true)
    assert.equal(allowed(rules, 'role/three', '/a/b', read), false)
    assert.equal(allowed(rules, 'role/one', '/a/b', { method: 'delete' }), false)
    assert.equal(allowed(rules, 'role/one', '/a/b', { method: 'action', action: 'stop' }), true)
    assert.equal(allowed(rules, 'role/one', '/a/b', { method: 'action', action: 'eval' }), false)
    assert.equal(allowed(rules, 'role/one', '/a/b', { method: 'create' }, { method: 'update' }), false)
    assert.equal(allowed(rules, 'role/two', '/a/b', { method: 'create' }, { method: 'update' }), true)
  })

  it('without a file: the administrator everything, all others info and health', () => {
    const rules = defaultAccess()
    assert.equal(allowed(rules, 'internal/role/openidm-admin', '/config/x', { method: 'delete' }), true)
    assert.equal(allowed(rules, 'internal/role/openidm-admin', '/x', { method: 'action', action: 'y' }), true)
    for (const path of ['/info/login', '/health', '/health/ready'])
      assert.equal(allowed(rules, 'any', path, read), true)
    assert.equal(allowed(rules, 'any', '/info/ping', { method: 'update' }), false)
    assert.equal(allowed(rules, 'internal/role/openidm-authorized', '/managed/user/x', read), false)
  })

  const FAULTS: readonly (readonly [fault: RegExp, content: unknown])[] = [
    [/^configs: must be an array/, {}],
    [/^configs\.0\.pattern: must be a path/, { configs: [{ pattern: '/a', ...everything }] }],
    [/^configs\.0\.pattern: must be a path/, { configs: [{ pattern: 'a*/b', ...everything }] }],
    [
      /^configs\.0\.methods: must be "\*" or a comma list of create/,
      { configs: [{ pattern: 'a', ...everything, methods: 'get' }] },
    ],
    [/^configs\.0\.roles: must be/, { configs: [{ pattern: 'a', methods: '*' }] }],
    [
      /^configs\.0\.excludePatterns: each pattern must/,
      { configs: [{ pattern: 'a', ...everything, excludePatterns: '/b' }] },
    ],
    [/^configs\.0: Unrecognized key: "deny"/, { configs: [{ pattern: 'a', ...everything, deny: true }] }],
    [
      /^configs\.0\.customAuthz: is no expression: /,
      { configs: [{ pattern: 'a', ...everything, customAuthz: 'ownDataOnly(' }] },
    ],
  ]
  for (const [fault, content] of FAULTS) {
    it(`refuse ${JSON.stringify(content)}`, () => {
      const { error } = accessSchema.safeParse(content)
      assert.ok(error)
      assert.match(
        faultsOf(error)
          .map(({ key, message }) => `${key}: ${message}`)
          .join('\n'),
        fault,
      )
    })
  }
})
