/**
 * Random edits on both sides of two real gateways that follow each other: `SYNC_LAW_CASES=120` makes 5,000 of them,
 * `SYNC_LAW_SEED` the same ones again.
 */
import assert from 'node:assert/strict'
import fc, { type Arbitrary } from 'fast-check'
import type { JsonObject } from '../../../lib/contract.ts'
import { packageRoot } from '../../../lib/gateway/project/package-info.ts'
import { ADMIN, startGateway, type TestGateway } from '../../gateway/parts.ts'
import { instanceOf } from '../gateways.ts'
import { script } from './two-way-stage.ts'

const CASES = Number(process.env.SYNC_LAW_CASES ?? 2)
const SEED = process.env.SYNC_LAW_SEED === undefined ? {} : { seed: Number(process.env.SYNC_LAW_SEED) }
const STEPS_PER_CASE = 40
const USER = 'managed/user'
const REMOTE = `external/idm/two/${USER}`

const FIELDS = ['sn', 'mail', 'code', 'note'] as const
type Field = (typeof FIELDS)[number]
type Side = 'one' | 'two'
type Direction = 'ab' | 'ba'

/** How each side shows the same value. `note` is stored in lower case by the mapping `ab`. */
const SHOWN: Readonly<Record<Field, (value: string, side: Side) => string>> = {
  sn: (value) => value,
  mail: (value) => value,
  code: (value, side) => (side === 'two' ? `b-${value}` : value),
  note: (value) => value.toLowerCase(),
}

const AUTHORITIES = ['source', 'target', 'exception'] as const
type Authority = (typeof AUTHORITIES)[number]

interface Edit {
  readonly side: Side
  readonly object: number
  readonly field: Field
}

/** What happens at once. */
type Step = readonly (Edit | { readonly carry: Direction; readonly object: number })[]

const OBJECTS = 3
const object = fc.integer({ min: 0, max: OBJECTS - 1 })
const edit: Arbitrary<Edit> = fc.record({
  side: fc.constantFrom('one', 'two'),
  object,
  field: fc.constantFrom(...FIELDS),
})
const carry = fc.record({ carry: fc.constantFrom<Direction>('ab', 'ba'), object })
const step: Arbitrary<Step> = fc.oneof(
  { weight: 7, arbitrary: edit.map((one) => [one]) },
  { weight: 3, arbitrary: carry.map((one) => [one]) },
  { weight: 1, arbitrary: fc.tuple(edit, carry) },
  {
    weight: 1,
    arbitrary: object.map(
      (one): Step => [
        { carry: 'ab', object: one },
        { carry: 'ba', object: one },
      ],
    ),
  },
  { weight: 1, arbitrary: fc.tuple(edit, edit, carry, carry) },
)
const steps = fc.array(step, { minLength: STEPS_PER_CASE, maxLength: STEPS_PER_CASE * 1.5, size: 'max' })

interface World {
  readonly authority: Authority
  readonly steps: readonly Step[]
}

const worlds: Arbitrary<World> = fc.record({ authority: fc.constantFrom(...AUTHORITIES), steps })

describe('two gateways that follow each other, under random edits', function () {
  this.timeout(120_000 + CASES * 30_000)

  it('lose no edit of one side, and converge where an authority is declared', async () => {
    const stage = await startStage()
    await fc.assert(
      fc.asyncProperty(worlds, (world) => checkWorld(stage, world)),
      { numRuns: CASES, ...SEED, endOnFailure: true },
    )
    console.log(`      ${stage.edits} edits, ${stage.disputes} of them disputed`)
  })
})

interface Stage {
  readonly one: TestGateway
  readonly two: TestGateway
  edits: number
  disputes: number
  objects: number
}

async function startStage(): Promise<Stage> {
  const conf = { 'managed.json': { objects: [{ name: 'user' }] } }
  const two = await startGateway({ conf })
  const instances = { 'external.idm-two.json': instanceOf({ url: `${two.url}/` }) }
  const one = await startGateway({ conf: { ...conf, ...instances }, plugins: [packageRoot] })
  return { one, two, edits: 0, disputes: 0, objects: 0 }
}

const mappings = (authority: Authority): JsonObject[] => {
  const plain = ['userName', 'sn', 'mail'].map((name) => ({ source: name, target: name }))
  const changed = (ab: boolean): JsonObject[] => [
    { source: 'code', target: 'code', transform: script(ab ? '"b-" + source' : 'source.slice(2)') },
    { source: 'note', target: 'note', ...(ab && { transform: script('source.toLowerCase()') }) },
  ]
  const both: JsonObject[] = [
    { name: 'ab', source: USER, target: REMOTE, conflict: authority, properties: [...plain, ...changed(true)] },
    { name: 'ba', source: REMOTE, target: USER, links: 'ab', properties: [...plain, ...changed(false)] },
  ]
  return both.map((mapping) => ({ enableSync: false, ...mapping }))
}

/** The objects of one case, and what was written to them by hand. */
class Case {
  readonly #stage: Stage
  /** Ids by object: `[one, two]`. */
  readonly #ids: (readonly [string, string])[] = []
  readonly #last = new Map<string, string>()
  /** What both sides held at the last check. */
  readonly #base = new Map<string, string>()

  constructor(stage: Stage) {
    this.#stage = stage
  }

  async start(authority: Authority): Promise<void> {
    const { one } = this.#stage
    const configured = await one.call('/config/sync', { method: 'PUT', json: { mappings: mappings(authority) } })
    assert.ok(configured.status < 300, configured.text)
    for (let index = 0; index < OBJECTS; index++) {
      const id = `u${this.#stage.objects++}`
      const json = { userName: id, ...Object.fromEntries(FIELDS.map((field) => [field, `start ${field}`])) }
      assert.equal((await one.call(`/${USER}/${id}`, { method: 'PUT', json })).status, 201)
      assert.equal((await this.#perform('ab', id, 'CREATE')).status, 200)
      const link = (await one.call(`/repo/link?_queryFilter=firstId+eq+"${id}"`)).json as { result: JsonObject[] }
      this.#ids.push([id, String(link.result[0]?.secondId)])
    }
  }

  async take(step: Step): Promise<void> {
    await Promise.all(step.map((one) => ('carry' in one ? this.carry(one.carry, one.object) : this.edit(one))))
  }

  /** Stores a value that nobody has stored before. */
  async edit({ side, object, field }: Edit): Promise<void> {
    const value = `V${++this.#stage.edits}`
    this.#last.set(`${object} ${field} ${side}`, value)
    const json = [{ operation: 'replace', field, value: SHOWN[field](value, side) }]
    const path = `/${USER}/${this.#id(object, side)}`
    const answer = await this.#stage[side].call(path, { method: 'PATCH', json, headers: ADMIN })
    assert.equal(answer.status, 200, answer.text)
  }

  /** @returns the message of a refusal */
  async carry(direction: Direction, object: number): Promise<string | undefined> {
    const id = this.#id(object, direction === 'ab' ? 'one' : 'two')
    const { status, json, text } = await this.#perform(direction, id, 'UPDATE')
    if (status === 200) return undefined
    assert.equal(status, 409, text)
    return String((json as JsonObject).message)
  }

  /** Lets both mappings run until they have nothing left to do. */
  async settle(): Promise<void> {
    const edited = new Set([...this.#last.keys()].map((place) => Number(place.split(' ')[0])))
    for (const object of edited)
      for (const direction of ['ab', 'ba', 'ab', 'ba'] as const) await this.carry(direction, object)
  }

  /**
   * Each field holds the last value that was stored by hand at one of the sides; where both were: at either of them. If
   * nobody decides about such fields, each side has its own, and other edits of the object wait.
   */
  async check(authority: Authority, when: string): Promise<void> {
    for (let object = 0; object < OBJECTS; object++) {
      const open = await this.#differing(object, when)
      if (open.length === 0) continue
      assert.equal(authority, 'exception', `${when}: ${open.join()} of ${object}`)
      const message = String(await this.carry('ab', object))
      const disputed = open.filter((field) => message.includes(`/${field}`))
      const isOnBoth = (field: Field) => this.#edits(object, field).every((value) => value !== undefined)
      assert.ok(disputed.length > 0 && disputed.every(isOnBoth), `${when}: ${open.join()} of ${object}: ${message}`)
      this.#stage.disputes += disputed.length
      // A person lets `one` win: all else is carried over then.
      const decided = await this.#perform('ab', this.#id(object, 'one'), 'UPDATE', '&situation=CONFIRMED')
      assert.equal(decided.status, 200, decided.text)
      for (const direction of ['ba', 'ab'] as const) assert.equal(await this.carry(direction, object), undefined)
      for (const field of disputed) this.#last.delete(`${object} ${field} two`)
      assert.deepEqual(await this.#differing(object, `${when}, decided`), [])
    }
    this.#last.clear()
  }

  /** The fields in which the sides differ: each has what was stored there by hand. All others have an edit, or none was made. */
  async #differing(object: number, when: string): Promise<Field[]> {
    const [left, right] = [await this.#read(object, 'one'), await this.#read(object, 'two')]
    return FIELDS.filter((field) => {
      const place = `${object} ${field}`
      const [base, [own, other]] = [this.#base.get(place) ?? `start ${field}`, this.#edits(object, field)]
      const edited = [own, other].filter((value) => value !== undefined)
      const shows = (value: string, side: Side) =>
        same((side === 'one' ? left : right)[field], SHOWN[field](value, side))
      const found = (edited.length === 0 ? [base] : edited).find((value) => shows(value, 'one') && shows(value, 'two'))
      if (found !== undefined) this.#base.set(place, found)
      // While another field is disputed, a side may hold an edit of the other side that came after its own, but not the last.
      const isKept = numberOf(left[field]) >= numberOf(own) && numberOf(right[field]) >= numberOf(other)
      const why = `${when}: ${field} of ${object}: an edit is on neither side: ${JSON.stringify({ left, right, own, other, base })}`
      assert.ok(found !== undefined || isKept, why)
      return found === undefined
    })
  }

  /** The last edits since the last check: `[one, two]`. */
  #edits(object: number, field: Field): readonly (string | undefined)[] {
    return (['one', 'two'] as const).map((side) => this.#last.get(`${object} ${field} ${side}`))
  }

  /** The last edits of `one` and `two`, in all fields of an object. */
  async editBoth(object: number): Promise<void> {
    for (const field of FIELDS) for (const side of ['one', 'two'] as const) await this.edit({ side, object, field })
  }

  /** Both sides show what one of them was given. */
  async checkWinner(object: number, winner: Side): Promise<void> {
    const [left, right] = [await this.#read(object, 'one'), await this.#read(object, 'two')]
    for (const field of FIELDS) {
      const value = this.#last.get(`${object} ${field} ${winner}`) ?? ''
      const shown = JSON.stringify({ winner, left, right, value })
      assert.ok(same(left[field], SHOWN[field](value, 'one')) && same(right[field], SHOWN[field](value, 'two')), shown)
    }
  }

  #id(object: number, side: Side): string {
    return this.#ids[object]?.[side === 'one' ? 0 : 1] ?? ''
  }

  async #read(object: number, side: Side): Promise<JsonObject> {
    return (await this.#stage[side].call(`/${USER}/${this.#id(object, side)}`)).json as JsonObject
  }

  #perform(mapping: Direction, id: string, action: string, more = '') {
    const path = `/sync?_action=performAction&mapping=${mapping}&action=${action}&sourceId=${id}${more}`
    return this.#stage.one.call(path, { method: 'POST' })
  }
}

/** Edits are numbered: `V7`, also as the sides show it; 0 = none. */
const numberOf = (value: unknown): number => Number(/^(?:b-)?v(\d+)$/i.exec(String(value))?.[1] ?? 0)

const same = (found: unknown, value: string): boolean => String(found).toLowerCase() === value.toLowerCase()

async function checkWorld(stage: Stage, { authority, steps }: World): Promise<void> {
  const run = new Case(stage)
  await run.start(authority)
  for (const [index, step] of steps.entries()) {
    await run.take(step)
    // In between, too, so that fields are free again.
    if (index % 25 === 24) {
      await run.settle()
      await run.check(authority, `after step ${index}`)
    }
  }
  await run.settle()
  await run.check(authority, 'at the end')
  if (authority === 'exception') return
  await run.editBoth(0)
  await run.settle()
  await run.checkWinner(0, authority === 'source' ? 'one' : 'two')
}
