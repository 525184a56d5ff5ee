/**
 * Random mappings, objects and faults: `SYNC_LAW_CASES=5000` runs more of them, `SYNC_LAW_SEED` the same ones again.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { isObject } from '../../lib/core/json.ts'
import { isEmpty } from '../../lib/sync/evaluate/difference.ts'
import { parseExact, printExact } from '../helpers/fake-idm/exact-json.ts'
import { busy, partialRows } from '../helpers/fake-idm/fake-idm.ts'
import { type FakeStage, fakeStage, MAPPING, USERS } from './fake-stage.ts'

const CASES = Number(process.env.SYNC_LAW_CASES ?? 40)
const SEED = process.env.SYNC_LAW_SEED === undefined ? {} : { seed: Number(process.env.SYNC_LAW_SEED) }

/** JSON texts, since numbers have to keep their digits. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 6 }).map((value) => JSON.stringify(value)),
  fc.constantFrom('"Zoë"', '"\\ud83d\\ude00"', '"a\\u0000b"', '""'),
)
const number = fc.constantFrom(
  '1',
  '-0.5',
  '9007199254740993',
  '12345678901234567890',
  '0.1234567890123456789',
  '1e400',
)
const leaf = fc.oneof(text, number, fc.constantFrom('true', 'null'))
const list = fc.array(leaf, { maxLength: 3 }).map((items) => `[${items.join(',')}]`)
const members = fc
  .dictionary(fc.constantFrom('x', 'y', 'z', '0'), leaf, { maxKeys: 3 })
  .map((object) => `{${Object.entries(object).map(([name, value]) => `${JSON.stringify(name)}:${value}`)}}`)
const value = fc.oneof({ weight: 4, arbitrary: leaf }, list, members)

const FIELDS = ['a', 'b', 'c', 'n'] as const
const object = (names: readonly string[]) => fc.dictionary(fc.constantFrom(...names), value, { maxKeys: names.length })

const property = fc.record({
  source: fc.constantFrom(...FIELDS),
  condition: fc.constantFrom(undefined, '/object/a pr'),
})
const properties = fc.uniqueArray(fc.record({ target: fc.constantFrom(...FIELDS), property }), {
  minLength: 1,
  selector: ({ target }) => target,
})

interface User {
  readonly source: Record<string, string> | undefined
  readonly target: Record<string, string> | undefined
}

const OTHERS = ['keep', 'other', 'secret'] as const
const user: fc.Arbitrary<User> = fc.record({
  source: fc.option(object(FIELDS), { nil: undefined, freq: 5 }),
  target: fc.option(object([...FIELDS, ...OTHERS]), { nil: undefined }),
})
/** The first one has a source: an empty source set ends a run. */
const users = fc
  .tuple(object(FIELDS), fc.array(user, { minLength: 1, maxLength: 4 }))
  .map(([source, [first, ...rest]]) => [{ source, target: first?.target }, ...rest])
const fault = fc.constantFrom(
  'none',
  'none',
  'conflict',
  'busy',
  'partial source',
  'no revisions',
  'whole objects',
  'roles',
  'roles and a conflict',
)

const textOf = (id: string, fields: Record<string, string>, more: Record<string, string> = {}): string =>
  `{${Object.entries({ _id: JSON.stringify(id), userName: JSON.stringify(id), ...fields, ...more })
    .map(([name, content]) => `${JSON.stringify(name)}:${content}`)
    .join(',')}}`

/** Each member as a text, digits and all. */
const membersOf = (object: string | undefined): Record<string, string> => {
  const exact = parseExact(object ?? '{}')
  return isObject(exact)
    ? Object.fromEntries(Object.entries(exact).map(([name, member]) => [name, printExact(member)]))
    : {}
}

const isNothing = (member: string | undefined): boolean =>
  member === undefined || isEmpty(JSON.parse(member.replaceAll(/\d+e\d+/g, '0')) as Json)

describe('random mappings, objects and faults', function () {
  this.timeout(3_600_000)

  it('no field outside the plan changes, values arrive digit by digit, and a second run writes nothing', async () => {
    const stage = await fakeStage({ two: { invisible: ['secret'] } })
    let count = 0
    const law = fc.asyncProperty(properties, users, fault, async (chosen, users, what) => {
      count += 1
      const mapped = chosen.map(({ target, property }) => ({ target, ...property }))
      await check(stage, `m${count}`, mapped, users, what)
    })
    await fc.assert(law, { numRuns: CASES, ...SEED })
  })
})

type Chosen = readonly { readonly source: string; readonly target: string; readonly condition?: string }[]

async function check(stage: FakeStage, name: string, chosen: Chosen, users: readonly User[], what: string) {
  const { one, two } = stage
  for (const idm of [one, two]) idm.reset()
  two.switches.revisions = what === 'no revisions' ? 'none' : 'counter'
  two.switches.patch = what === 'whole objects' ? 405 : 'supported'
  // What a PUT does not show, it removes: that is what the plan warns of.
  two.switches.invisible = what === 'whole objects' ? [] : ['secret']
  for (const idm of [one, two]) idm.seed('managed/role', [{ _id: 'r1', name: 'Sales' }])
  const roles = { roles: '[{"_ref":"managed/role/r1"}]' }
  for (const [index, { source, target }] of users.entries()) {
    const id = `u${index}`
    if (source) one.seed(USERS, [textOf(id, source, what.startsWith('roles') ? roles : {})])
    if (target) two.seed(USERS, [textOf(id, target, roles)])
  }
  const before = new Map(two.ids(USERS).map((id) => [id, membersOf(two.text(USERS, id))] as const))
  interfere(stage, what)
  const fields = { _queryFilter: 'true', _fields: '*,*_ref' }
  const queries: JsonObject = what.startsWith('roles') ? { sourceQuery: fields, targetQuery: fields } : {}
  const mapping: JsonObject = {
    ...MAPPING,
    ...queries,
    name,
    properties: [
      { source: 'userName', target: 'userName' },
      ...(what.startsWith('roles') ? [{ source: 'roles', target: 'roles' }] : []),
      ...chosen.map((one): JsonObject => ({ ...one })),
    ],
  }
  await stage.configure([mapping])
  const run = await stage.recon('', undefined, name)
  assert.deepEqual(
    (run.statusSummary as JsonObject).FAILURE,
    before.size - paired(users),
    'only targets without source fail',
  )
  for (const [index, { source, target }] of users.entries()) {
    const id = `u${index}`
    const [was, is] = [before.get(id) ?? {}, membersOf(two.text(USERS, id))]
    const plan = source ? new Set(chosen.map(({ target }) => target)) : new Set<string>()
    for (const field of new Set([...Object.keys(was), ...(target ? Object.keys(is) : [])])) {
      if (plan.has(field) || field === '_rev' || (field === 'city' && what.endsWith('conflict'))) continue
      assert.equal(is[field], was[field], `${id}: the field ${field} is not in the plan`)
    }
    if (target) assert.deepEqual(two.refs(USERS, id, 'roles'), ['managed/role/r1'])
    if (source && target) expectMapped(chosen, source, was, is)
  }
  one.clearRequests()
  two.clearRequests()
  await stage.recon('', undefined, name)
  assert.deepEqual(
    two.writes.map(({ line, text }) => `${line} ${text}`),
    [],
    'a second run writes nothing',
  )
}

const paired = (users: readonly User[]): number => users.filter(({ source, target }) => source && target).length

function interfere({ one, two }: FakeStage, what: string): void {
  if (what.endsWith('conflict'))
    two.before('PATCH *', ({ path }) => two.change(USERS, path.split('/').at(-1) ?? '', { city: 'Oslo' }))
  if (what === 'busy') two.intercept((request) => request.isWrite, busy(503, 0), { times: 1 })
  if (what === 'partial source')
    one.intercept(
      ({ query }) => query._queryFilter === 'true' && query._pageSize !== undefined,
      partialRows('u0', 'u2'),
    )
}

function expectMapped(
  chosen: Chosen,
  source: Record<string, string>,
  was: Record<string, string>,
  is: Record<string, string>,
) {
  for (const { source: from, target: to, condition } of chosen) {
    const applies = condition === undefined || (source.a !== undefined && source.a !== 'null')
    const wanted = applies ? source[from] : was[to]
    if (isNothing(wanted)) assert.ok(isNothing(is[to]), `${to} is empty: ${is[to]}`)
    else if (!isNothing(wanted) && wanted !== undefined)
      assert.equal(canonical(is[to]), canonical(wanted), `${to} holds what the source holds`)
  }
}

/** Without members that are as good as none, in one order. */
function canonical(member: string | undefined): string {
  const prune = (json: Json): Json => {
    if (!isObject(json)) return json
    const kept = Object.entries(json).filter(([, inner]) => inner !== null)
    return Object.fromEntries(
      kept.sort(([left], [right]) => (left < right ? -1 : 1)).map(([key, inner]) => [key, prune(inner)]),
    )
  }
  return printExact(prune(parseExact(member ?? 'null')))
}
