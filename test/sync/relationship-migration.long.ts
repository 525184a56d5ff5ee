/**
 * The same migration twice: with scripts that patch the target, as people write them, and with relationships. Users,
 * assignments, roles, the assignments of roles, the roles of users, and managers.
 */
import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import type { TestGateway } from '../gateway/parts.ts'
import { type FakeIdm, fakeIdm } from '../helpers/fake-idm/fake-idm.ts'
import { blocksFor, readPage } from '../helpers/markdown.ts'
import { startSyncGateway } from './gateways.ts'

const USERS = 100
const ROLES = 10
const ASSIGNMENTS = 6
const TYPES = ['assignment', 'role', 'user'] as const
type Type = (typeof TYPES)[number]

const js = (source: string): JsonObject => ({ type: 'text/javascript', source })
const sourceOf = (type: Type) => `external/idm/65/managed/${type}`
const targetOf = (type: Type) => `external/idm/fidc/managed/alpha_${type}`
const copied = (...names: string[]): JsonObject[] => names.map((name) => ({ source: name, target: name }))
const nameOf = (type: Type) => (type === 'user' ? 'userName' : 'name')

const mapping = (type: Type, properties: readonly JsonObject[], more: JsonObject = {}): JsonObject => ({
  name: `onprem_${type}_to_fidc_alpha_${type}`,
  source: sourceOf(type),
  target: targetOf(type),
  properties: [...properties],
  correlationQuery: [{ linkQualifier: 'default', expressionTree: { any: [nameOf(type)] } }],
  ...more,
})
const plain: Readonly<Record<Type, JsonObject>> = {
  assignment: mapping('assignment', copied('name', 'description')),
  role: mapping('role', copied('name', 'description')),
  user: mapping('user', copied('userName', 'givenName', 'sn', 'mail')),
}

/** For each edge of the source: finds the counterpart by its link, and adds what the target lacks. */
const patchScript = (type: Type, field: string, far: Type) =>
  js(`
    var path = "${targetOf(type)}/" + targetId;
    var present = openidm.query(path + "/${field}", { _queryFilter: "true" }).result.map(function (edge) { return edge._ref; });
    var operations = [];
    openidm.query("${sourceOf(type)}/" + source._id + "/${field}", { _queryFilter: "true" }).result.forEach(function (edge) {
      var id = edge._ref.split("/").pop();
      var filter = 'linkType eq "onprem_${far}_to_fidc_alpha_${far}" and firstId eq "' + id + '"';
      var links = openidm.query("repo/link", { _queryFilter: filter }).result;
      if (links.length === 0) return;
      var reference = "managed/alpha_${far}/" + links[0].secondId;
      if (present.indexOf(reference) < 0)
        operations.push({ operation: "add", field: "/${field}/-", value: { _ref: reference } });
    });
    if (operations.length > 0) openidm.patch(path, null, operations);
  `)

const managerScript = js(`
  ${String(patchScript('user', 'roles', 'role').source)}
  var manager = openidm.read("${sourceOf('user')}/" + source._id, null, ["manager"]).manager;
  if (manager) {
    var found = openidm.query("repo/link", {
      _queryFilter: 'linkType eq "onprem_user_to_fidc_alpha_user" and firstId eq "' + manager._ref.split("/").pop() + '"'
    }).result;
    var now = openidm.read(path, null, ["manager"]).manager;
    if (found.length > 0 && !(now && now._ref === "managed/alpha_user/" + found[0].secondId))
      openidm.patch(path, null, [
        { operation: "replace", field: "/manager", value: { _ref: "managed/alpha_user/" + found[0].secondId } }
      ]);
  }
`)

const scripted = (type: Type, onUpdate: JsonObject): JsonObject => ({
  ...plain[type],
  name: `onprem_${type}_to_fidc_alpha_${type}_relationships`,
  links: `onprem_${type}_to_fidc_alpha_${type}`,
  properties: [],
  policies: [{ situation: 'ABSENT', action: 'IGNORE' }],
  onUpdate,
})

const WITH_SCRIPTS = [
  plain.assignment,
  plain.role,
  plain.user,
  scripted('role', patchScript('role', 'assignments', 'assignment')),
  scripted('user', managerScript),
]

/** Those of the documentation. */
const WITH_RELATIONSHIPS = (JSON.parse(blocksFor('relationships')[0]?.text ?? '{}') as { mappings: JsonObject[] })
  .mappings

function seed(onprem: FakeIdm): void {
  const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)
  onprem.seed(
    'managed/assignment',
    numbers(ASSIGNMENTS).map((n) => ({ _id: `as${n}`, name: `assignment ${n}`, description: 'an entitlement' })),
  )
  const assignment = (n: number) => ({ _ref: `managed/assignment/as${n % ASSIGNMENTS}` })
  onprem.seed(
    'managed/role',
    numbers(ROLES).map((n) => ({ _id: `ro${n}`, name: `role ${n}`, assignments: [assignment(n), assignment(n + 1)] })),
  )
  const role = (n: number) => ({ _ref: `managed/role/ro${n % ROLES}` })
  onprem.seed(
    'managed/user',
    numbers(USERS).map((n) => ({
      ...{ _id: `us${n}`, userName: `user${n}`, givenName: 'A', sn: `Name ${n}`, mail: `user${n}@example.com` },
      roles: [role(n), role(n + 3), role(n + 7)],
    })),
  )
  // The first one has none, and reports come before their managers as often as after them.
  for (const n of numbers(USERS).slice(1))
    onprem.change('managed/user', `us${n}`, { manager: { _ref: `managed/user/us${(n * 7) % USERS}` } })
}

interface Migrated {
  /** By names, since ids differ. */
  readonly graph: JsonObject
  readonly first: { readonly requests: number; readonly writes: number }
  readonly second: { readonly requests: number; readonly writes: number }
}

async function migrate(mappings: readonly JsonObject[]): Promise<Migrated> {
  const [onprem, cloud] = [await fakeIdm(), await fakeIdm()]
  seed(onprem)
  const gateway = await startSyncGateway({ 65: onprem, fidc: cloud }, mappings)
  const run = async () => {
    for (const idm of [onprem, cloud]) idm.clearRequests()
    for (const { name } of mappings) await recon(gateway, String(name))
    return { requests: onprem.requests.length + cloud.requests.length, writes: cloud.writes.length }
  }
  return { first: await run(), graph: graphOf(cloud), second: await run() }
}

async function recon(gateway: TestGateway, name: string): Promise<void> {
  const path = `/recon?_action=recon&mapping=${name}&waitForCompletion=true&persistAssociations=true`
  const { json, text } = await gateway.call(path, { method: 'POST' })
  const { json: run } = await gateway.call(`/recon/${String((json as JsonObject)._id)}`)
  assert.equal((run as JsonObject).state, 'SUCCESS', text)
  const failed = await gateway.call(
    `/recon/plan/${String((json as JsonObject)._id)}/entry?_queryFilter=status+eq+"FAILURE"`,
  )
  assert.deepEqual((failed.json as JsonObject).result, [])
}

function graphOf(cloud: FakeIdm): JsonObject {
  const objectsOf = (type: Type) => cloud.objects(`managed/alpha_${type}`)
  const named = (reference: string) => {
    const [, collection = '', id = ''] = /^(.+)\/([^/]+)$/.exec(reference) ?? []
    const { name, userName } = cloud.object(collection, id) ?? {}
    return String(name ?? userName)
  }
  const refs = (type: Type, id: string, field: string) =>
    cloud.refs(`managed/alpha_${type}`, id, field).map(named).sort()
  const shown = (type: Type, ...fields: string[]) =>
    Object.fromEntries(
      objectsOf(type).map(({ _id, _rev, ...own }) => [
        String(own[nameOf(type)]),
        { ...own, ...Object.fromEntries(fields.map((field) => [field, refs(type, String(_id), field)])) },
      ]),
    )
  return {
    assignments: shown('assignment'),
    roles: shown('role', 'assignments'),
    users: shown('user', 'roles', 'manager'),
  }
}

describe('a migration with roles, assignments and managers', () => {
  it('comes out the same with relationships as with scripts, for fewer requests', async function () {
    this.timeout(120_000)
    const scripts = await migrate(WITH_SCRIPTS)
    const relationships = await migrate(WITH_RELATIONSHIPS)
    assert.deepEqual(relationships.graph, scripts.graph)
    const users = Object.values(relationships.graph.users as JsonObject) as { roles: string[]; manager: string[] }[]
    assert.equal(users.length, USERS)
    assert.ok(users.every(({ roles }) => roles.length === 3))
    assert.equal(users.filter(({ manager }) => manager.length === 1).length, USERS - 1)
    assert.equal(relationships.second.writes, 0)
    const rows = [...readPage('docs/relationships.md').matchAll(/^\| with .* \| (\d+) \| (\d+) \|$/gm)]
    const said = rows.map(([, first, second]) => [Number(first), Number(second)])
    const found = [scripts, relationships].map(({ first, second }) => [first.requests, second.requests])
    // Rows at work at the same time may move each other's revisions, which costs reads: their number is not exact.
    const isClose = (value: number, stated: number) => Math.abs(value - stated) <= stated / 4
    assert.equal(said.length, 2)
    assert.ok(
      found.every((row, index) => row.every((value, place) => isClose(value, said[index]?.[place] ?? 0))),
      JSON.stringify(found),
    )
  })
})
