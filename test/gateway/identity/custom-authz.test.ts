import assert from 'node:assert/strict'
import { effectiveRequestOf } from '../../../lib/crest/http/effective-request.ts'
import { isAllowed } from '../../../lib/gateway/access/access.ts'
import { type AccessRuleText, accessNotices, accessSchema } from '../../../lib/gateway/access/access-rules.ts'
import { identity } from '../../../lib/gateway/access/password-store.ts'

const CALLER = identity({
  authenticationId: 'amira',
  id: 'a1',
  component: 'managed/user',
  roles: ['internal/role/openidm-authorized'],
})

function allowed(customAuthz: string, url: string, method = 'GET', rule: Partial<AccessRuleText> = {}): boolean {
  const text = { pattern: '*', roles: '*', methods: '*', actions: '*', ...rule, customAuthz }
  const { configs } = accessSchema.parse({ configs: [text] })
  return isAllowed(configs, CALLER.authorization.roles, effectiveRequestOf({ method, url, headers: {} }), CALLER)
}

describe('customAuthz of an access rule', () => {
  const rows: readonly (readonly [expression: string, url: string, is: boolean, method?: string])[] = [
    ['ownDataOnly()', '/managed/user/a1', true],
    ['ownDataOnly()', '/managed/user/a1', true, 'DELETE'],
    ['ownDataOnly()', '/managed/user/a12', false],
    ['ownDataOnly()', '/managed/user/b1', false],
    ['ownDataOnly()', '/managed/user/a1/roles', false],
    ['!ownDataOnly()', '/managed/user/b1', true],
    ["ownRelationshipCollection(['idps', '_meta'])", '/managed/user/a1/idps', true],
    ["ownRelationshipCollection(['idps', '_meta'])", '/managed/user/a1/roles', false],
    ["ownRelationshipCollection(['idps'])", '/managed/user/a12/idps', false],
    ["ownRelationshipCollection(['idps'])", '/managed/user/a1/x/idps', false],
    ["isQueryOneOf({'managed/user': ['for-userName']})", '/managed/user?_queryId=for-userName&uid=x', true],
    ["isQueryOneOf({'managed/user': ['for-userName']})", '/managed/user?_queryId=query-all', false],
    ["isQueryOneOf({'managed/user': ['for-userName']})", '/managed/role?_queryId=for-userName', false],
    [
      "isQueryOneOf({'managed/user': ['for-userName']})",
      '/managed/user?_queryId=for-userName&_queryId=query-all',
      false,
    ],
    ["isQueryOneOf({'managed/user': ['for-userName']})", '/managed/user?_QUERYID=x&_queryId=for-userName', false],
    ["isQueryOneOf({'managed/user': ['x']})", '/constructor?_queryId=x', false],
    ['disallowQueryExpression()', '/managed/user?_queryFilter=true', true],
    ['disallowQueryExpression()', '/managed/user?_queryFilter=true&_QueryExpression=select', false],
    ['disallowCommandAction()', '/repo/link?_action=command', false, 'POST'],
    ['disallowCommandAction()', '/repo/link?_action=count', true, 'POST'],
    ['ownDataOnly() || isQueryOneOf({"managed/user": ["query-all"]})', '/managed/user?_queryId=query-all', true],
    ["checkIfAnyFeatureEnabled(['registration', 'passwordReset'])", '/config/selfservice/kbaConfig', false],
    ["checkIfUIIsEnabled('selfRegistration') || checkIfUIIsEnabled('passwordReset')", '/selfservice/kba', false],
    ["isSelfServiceRequest() && onlyEditableManagedObjectProperties('user', [])", '/managed/user/a1', false, 'PATCH'],
    ['isMyTask() || canUpdateTask() || isAllowedToStartProcess() || isOneOfMyWorkflows()', '/workflow/x', false],
    ['ownRelationship() || ownIDP()', '/internal/usermeta/x', false],
    ["context.current.name === 'selfservice'", '/policy/x', false],
    ['context.caller.external === true', '/policy/x', true],
    [
      "request.additionalParameters.commandId === 'delete-links'",
      '/repo/link?_action=command&commandId=delete-links',
      true,
      'POST',
    ],
    ["request.additionalParameters.commandId === 'delete-links'", '/repo/link?_action=command', false, 'POST'],
    ["request.additionalParameters.commandId !== 'delete-links'", '/repo/link?_action=command', false, 'POST'],
    [
      "(request.resourcePath === 'selfservice/user/' + context.security.authorization.id)",
      '/selfservice/user/a1',
      true,
    ],
    [
      "request.resourcePath === (context.security.authorization.component + '/' + context.security.authorization.id)",
      '/managed/user/a1',
      true,
    ],
    ["request.method == 'read' && request['resourcePath'] != 'a'", '/b', true],
    // These depend on the body, unless the request does not write.
    ["ownDataOnly() && onlyEditableManagedObjectProperties('user', [])", '/managed/user/a1', true],
    ["ownDataOnly() && onlyEditableManagedObjectProperties('user', [])", '/managed/user/a1', false, 'PATCH'],
    ["!onlyEditableManagedObjectProperties('user', [])", '/managed/user/a1', false, 'PATCH'],
    ['reauthIfProtectedAttributeChange()', '/managed/user/a1?_action=PATCH', false, 'POST'],
    // What is not known never grants, whatever stands beside it.
    ["ownDataOnly() || restrictPatchToFields(['password'])", '/managed/user/a1', false],
    ['true || mine()', '/managed/user/a1', false],
    ['!mine()', '/managed/user/a1', false],
    ["openidm.read('managed/user/a1') !== null", '/managed/user/a1', false],
    ['request.content.x === 1', '/managed/user/a1', false],
    ['true, ownDataOnly()', '/managed/user/a1', false],
    ['ownDataOnly', '/managed/user/a1', false],
    ['1', '/managed/user/a1', false],
    ['true', '/managed/user/a1', true],
  ]
  for (const [expression, url, is, method] of rows)
    it(`${expression} ${is ? 'allows' : 'refuses'} ${method ?? 'GET'} ${url}`, () =>
      assert.equal(allowed(expression, url, method), is))

  it('narrows the rule, and never widens it', () => {
    assert.equal(allowed('true', '/managed/user/a1', 'GET', { roles: 'internal/role/x' }), false)
    assert.equal(allowed('true', '/managed/user/a1', 'GET', { methods: 'script' }), false)
    const { configs } = accessSchema.parse({
      configs: [{ pattern: '*', roles: '*', methods: '*', customAuthz: 'true' }],
    })
    const request = effectiveRequestOf({ method: 'GET', url: '/a', headers: {} })
    assert.equal(isAllowed(configs, [], request), false, 'nobody is known')
  })

  it('is named where it cannot be evaluated', () => {
    const rule = { pattern: '*', roles: '*', methods: 'read,script', actions: '*' }
    const of = (customAuthz: string, methods = 'patch') => ({ ...rule, methods, customAuthz })
    const configs = [
      of("mine() && restrictPatchToFields(['a'])"),
      of('ownDataOnly() && reauthIfProtectedAttributeChange()'),
      of('ownDataOnly()', 'read,script'),
    ]
    const notices = accessNotices({ configs })
    assert.deepEqual(
      notices.map(({ pointer, reason }) => `${pointer.join('.')}: ${reason}`),
      [
        'configs.0.customAuthz: the rule grants nothing: mine(), restrictPatchToFields() is not known here',
        'configs.1.customAuthz: the rule grants no request that writes: reauthIfProtectedAttributeChange() depends on the body, which access does not see',
        'configs.2.methods: the method "script" does not exist here',
      ],
    )
  })
})
