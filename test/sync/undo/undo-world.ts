/** Random runs that are undone, on any two remotes: what an undo is to give back. */
import assert from 'node:assert/strict'
import fc, { type Arbitrary } from 'fast-check'
import type { Json, JsonObject } from '../../../lib/contract.ts'

/** One side, without the gateway in between. */
export interface Side {
  all(): Promise<JsonObject[]>
  put(object: JsonObject): Promise<void>
  change(id: string, fields: JsonObject): Promise<void>
  remove(id: string): Promise<void>
}

/** The requests to the gateway in between. */
export interface Between {
  configure(mapping: JsonObject): Promise<void>
  recon(): Promise<JsonObject>
  undo(run: JsonObject, deleteCreated: number | undefined): Promise<{ plan: JsonObject[]; run: JsonObject }>
  created(run: JsonObject): Promise<number>
  links(): Promise<readonly Pair[]>
}

export interface Pair {
  readonly source: string
  readonly target: string
}

const VALUES = [null, 'x', 'y', 'z'] as const
/** Fields that the mapping sets, and one that it leaves alone. */
const MAPPED = ['sn', 'description'] as const
const OTHER = 'telephoneNumber'

type Fields = Readonly<Record<'sn' | 'description', Json>>

interface Start {
  /** Before the pairs are linked. */
  readonly source: Fields | null
  readonly target: (Fields & { readonly other: Json }) | null
}

interface Edit {
  /** The place of the target among those that are there. */
  readonly place: number
  readonly field: 'sn' | 'description' | 'telephoneNumber' | 'all'
  readonly value: Json
}

export interface World {
  readonly pairs: readonly Start[]
  /** Pairs whose source changes after they were linked; null = it is deleted. */
  readonly later: readonly (Fields | null)[]
  readonly policies: Readonly<Record<string, string>>
  readonly taskThreads: number
  readonly edits: readonly Edit[]
  readonly deletesCreated: boolean
}

const value = fc.constantFrom(...VALUES)
const fields = fc.record({ sn: value, description: value })

export const worlds = (maxPairs: number, minPairs = 0): Arbitrary<World> =>
  fc.record({
    pairs: fc.array(
      fc.record({
        source: fc.option(fields, { freq: 5 }),
        target: fc.option(fc.record({ sn: value, description: value, other: value }), { freq: 3 }),
      }),
      { minLength: minPairs, maxLength: maxPairs },
    ),
    later: fc.array(fc.option(fields, { freq: 3 }), { maxLength: maxPairs }),
    policies: fc.record({
      ABSENT: fc.constantFrom('CREATE', 'CREATE', 'IGNORE'),
      FOUND: fc.constantFrom('UPDATE', 'LINK', 'IGNORE'),
      CONFIRMED: fc.constantFrom('UPDATE', 'UPDATE', 'IGNORE'),
      MISSING: fc.constantFrom('CREATE', 'UNLINK', 'IGNORE'),
      SOURCE_MISSING: fc.constantFrom('DELETE', 'UNLINK', 'IGNORE'),
      UNASSIGNED: fc.constantFrom('DELETE', 'IGNORE'),
    }),
    taskThreads: fc.constantFrom(1, 4),
    edits: fc.array(
      fc.record({
        place: fc.nat(1000),
        field: fc.constantFrom(...MAPPED, OTHER, 'all' as const),
        value: fc.constantFrom('x', 'y', 'edited'),
      }),
      { maxLength: 4 },
    ),
    deletesCreated: fc.boolean(),
  })

const name = (index: number): string => `user${index}`

export const mappingOf = ({ policies, taskThreads }: Pick<World, 'policies' | 'taskThreads'>): JsonObject => ({
  ...{ name: 'm', source: 'external/idm/one/managed/user', target: 'external/idm/two/managed/user', taskThreads },
  ...{ maxDeletes: '100%', maxClears: '100%', allowEmptySourceSet: true },
  properties: ['userName', ...MAPPED].map((field) => ({ source: field, target: field })),
  correlationQuery: { linkQualifier: 'default', expressionTree: { any: ['userName'] } },
  policies: Object.entries(policies).map(([situation, action]) => ({ situation, action })),
})

/** Checks that an undo gives back what was before, but for edits and what its plan names. */
export async function checkUndo(world: World, one: Side, two: Side, between: Between): Promise<void> {
  await fill(world, one, two)
  // The first run links pairs and copies nothing more.
  await between.configure(
    mappingOf({ policies: { ABSENT: 'IGNORE', FOUND: 'LINK', UNASSIGNED: 'IGNORE' }, taskThreads: 4 }),
  )
  await between.recon()
  for (const [index, change] of world.later.entries()) {
    if (!world.pairs[index]?.source) continue
    if (change) await one.change(name(index), { ...change })
    else await one.remove(name(index))
  }
  await between.configure(mappingOf(world))
  const before = { objects: await objectsOf(two), links: await between.links() }
  const run = await between.recon()
  assert.equal(run.state, 'SUCCESS', String(run.stageDescription))
  const after = await objectsOf(two)
  const edited = await edit(world.edits, two)
  const { plan, run: undo } = await between.undo(run, world.deletesCreated ? await between.created(run) : undefined)
  assert.deepEqual(
    [undo.state, (undo.statusSummary as JsonObject).FAILURE],
    ['SUCCESS', 0],
    `${JSON.stringify(undo.statusSummary)} ${JSON.stringify(plan)}`,
  )
  const now = formerIds(before.objects, after, { objects: await objectsOf(two), links: await between.links() })
  const named = new Set(
    plan.flatMap(({ status, reason, targetObjectId }) =>
      status === 'SKIPPED' || /left alone|cannot/.test(String(reason)) ? [String(targetObjectId)] : [],
    ),
  )
  checkObjects({ before: before.objects, after, now: now.objects, edited, named })
  checkLinks(before.links, now.links, named)
}

async function fill({ pairs }: World, one: Side, two: Side): Promise<void> {
  for (const side of [one, two]) for (const { _id } of await side.all()) await side.remove(String(_id))
  for (const [index, { source, target }] of pairs.entries()) {
    const userName = name(index)
    if (source) await one.put({ _id: userName, userName, ...source })
    if (target) {
      const { other, ...own } = target
      await two.put({ _id: `t${index}`, userName, ...own, [OTHER]: other })
    }
  }
}

type Objects = ReadonlyMap<string, Readonly<Record<string, Json>>>

const FIELDS = ['userName', ...MAPPED, OTHER] as const

async function objectsOf(side: Side): Promise<Objects> {
  const shown = (object: JsonObject) => Object.fromEntries(FIELDS.map((field) => [field, object[field] ?? null]))
  return new Map((await side.all()).map((object) => [String(object._id), shown(object)]))
}

/** @returns what was edited, by target; undefined = it was deleted */
async function edit(edits: readonly Edit[], two: Side) {
  const done = new Map<string, JsonObject | undefined>()
  for (const { place, field, value: to } of edits) {
    const ids = (await two.all()).map(({ _id }) => String(_id)).sort()
    const id = ids[place % Math.max(1, ids.length)]
    if (id === undefined) continue
    if (field === 'all') await two.remove(id)
    else await two.change(id, { [field]: to })
    done.set(id, field === 'all' ? undefined : { ...done.get(id), [field]: to })
  }
  return done
}

interface State {
  readonly objects: Objects
  readonly links: readonly Pair[]
}

/** The state with the former ids of objects that the target gave others when they were created again. */
function formerIds(before: Objects, after: Objects, { objects, links }: State): State {
  const lost = [...before].filter(([id]) => !objects.has(id))
  const ids = new Map(
    [...objects].map(([id, { userName }]) => {
      const isNew = !before.has(id) && !after.has(id)
      return [id, (isNew && lost.find(([, object]) => object.userName === userName)?.[0]) || id]
    }),
  )
  return {
    objects: new Map([...objects].map(([id, object]) => [ids.get(id) ?? id, object])),
    links: links.map(({ source, target }) => ({ source, target: ids.get(target) ?? target })),
  }
}

interface Seen {
  readonly before: Objects
  readonly after: Objects
  readonly now: Objects
  readonly edited: ReadonlyMap<string, JsonObject | undefined>
  readonly named: ReadonlySet<string>
}

function checkObjects({ before, after, now, edited, named }: Seen): void {
  for (const id of new Set([...before.keys(), ...after.keys(), ...now.keys()])) {
    const [was, wrote, is, edits] = [before.get(id), after.get(id), now.get(id), edited.get(id)]
    if (edited.has(id) && edits === undefined) assert.equal(is, undefined, `${id} was deleted by somebody`)
    else if (was === undefined) assert.ok(is === undefined || named.has(id) || wrote === undefined, `${id} is new`)
    else {
      assert.ok(is, `${id} is gone`)
      for (const field of FIELDS) {
        const mine = edits?.[field] ?? undefined
        // An edit that says what the run wrote, or what was there before, cannot be told from it.
        const expected: Json | undefined =
          mine === undefined || mine === was[field] || (wrote && mine === wrote[field] && wrote[field] !== was[field])
            ? was[field]
            : mine
        assert.equal(is[field], expected, `${id} ${field}`)
        if (expected !== was[field] && wrote?.[field] !== was[field]) assert.ok(named.has(id), `${id} is not named`)
      }
    }
  }
}

function checkLinks(before: readonly Pair[], now: readonly Pair[], named: ReadonlySet<string>): void {
  const text = ({ source, target }: Pair) => `${source} → ${target}`
  const [was, is] = [new Set(before.map(text)), new Set(now.map(text))]
  const differing = [...before.filter((pair) => !is.has(text(pair))), ...now.filter((pair) => !was.has(text(pair)))]
  for (const pair of differing) {
    // A link that could not come back is named by the one in its place.
    const others = differing.filter(({ source }) => source === pair.source).map(({ target }) => target)
    assert.ok(
      others.some((target) => named.has(target)),
      `the link ${text(pair)}`,
    )
  }
}
