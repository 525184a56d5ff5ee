/** Two remotes that follow each other: a mapping `ab` from `one` to `two`, and `ba` back over the same links. */
import assert from 'node:assert/strict'
import type { Json, JsonObject } from '../../../lib/contract.ts'
import { type FakeStage, type FakeStageOptions, fakeStage, SOURCE, TARGET, USERS } from '../fake-stage.ts'

const FIELDS = ['userName', 'sn', 'mail']

const properties = (fields: readonly string[]) => fields.map((name) => ({ source: name, target: name }))

const CORRELATION = { linkQualifier: 'default', expressionTree: { any: ['userName'] } }

export interface TwoWayOptions extends Omit<FakeStageOptions, 'mapping' | 'more'> {
  readonly ab?: JsonObject
  readonly ba?: JsonObject
}

export type Side = 'one' | 'two'
export type Direction = 'ab' | 'ba'

export interface TwoWayStage extends FakeStage {
  /** Stores an object at `one`, and has `ab` create its counterpart. */
  pair(id: string, fields: JsonObject): Promise<void>
  /** Changes an object as another client would. */
  edit(side: Side, fields: Readonly<Record<string, Json | undefined>>, id?: string): void
  /** Runs a mapping for one object. @returns its row, as `recon/plan` shows it */
  carry(direction: Direction, body?: JsonObject, id?: string): Promise<JsonObject>
  /** The fields of an object on both sides: `[one, two]`, or one value where they are the same. */
  values(field: string, id?: string): Json
  /** The number of requests that wrote something since the last time. */
  written(): number
}

/** @param given `properties` are added to `userName` */
const mapping = (name: Direction, { properties: own, ...given }: JsonObject = {}): JsonObject => ({
  ...{ name, source: SOURCE, target: TARGET },
  ...(name === 'ba' && { source: TARGET, target: SOURCE, links: 'ab' }),
  properties: Array.isArray(own) ? [...properties(['userName']), ...own] : properties(FIELDS),
  correlationQuery: CORRELATION,
  ...given,
})

export const mappings = ({ ab, ba }: TwoWayOptions = {}): JsonObject[] => [mapping('ab', ab), mapping('ba', ba)]

/** By default `ab` has `conflict: "exception"`. */
export async function twoWayStage({ ab, ba, ...options }: TwoWayOptions = {}): Promise<TwoWayStage> {
  const stage = await fakeStage(options)
  const { one, two } = stage
  await stage.configure(mappings({ ab: { conflict: 'exception', ...ab }, ...(ba && { ba }) }))
  const sides = { one, two }
  const idAt = async (side: Side, id: string): Promise<string> => {
    if (side === 'one') return id
    const { json } = await stage.gateway.call(`/repo/link?_queryFilter=firstId+eq+"${id}"`)
    return String((json as { result: JsonObject[] }).result[0]?.secondId)
  }
  const ids = new Map<string, string>()
  return {
    ...stage,
    async pair(id, fields) {
      one.seed(USERS, [{ _id: id, userName: id, ...fields }])
      await stage.recon(`&id=${id}`, undefined, 'ab')
      ids.set(id, await idAt('two', id))
      for (const side of [one, two]) side.clearRequests()
    },
    edit(side, fields, id = 'u') {
      sides[side].change(USERS, side === 'one' ? id : (ids.get(id) ?? id), fields)
    },
    async carry(direction, body, id = 'u') {
      const own = direction === 'ab' ? id : (ids.get(id) ?? id)
      const run = await stage.recon(`&id=${own}`, body, direction)
      const [row, ...others] = await stage.rows(run)
      assert.equal(others.length, 0, JSON.stringify(others))
      return row ?? {}
    },
    values(field, id = 'u') {
      const [left, right] = [one.object(USERS, id), two.object(USERS, ids.get(id) ?? id)]
      const [a, b] = [left?.[field] ?? null, right?.[field] ?? null]
      return JSON.stringify(a) === JSON.stringify(b) ? a : [a, b]
    },
    written() {
      const count = one.writes.length + two.writes.length
      for (const side of [one, two]) side.clearRequests()
      return count
    },
  }
}

/** A transform. */
export const script = (source: string): JsonObject => ({ type: 'text/javascript', source })

/** `SITUATION ACTION STATUS` of a row, and what it says about its fields. */
export const told = ({ action, status, changes }: JsonObject): string =>
  [
    `${String(action)} ${String(status)}`,
    ...(changes as JsonObject[]).map(
      ({ field, from, to, kept, conflict }) =>
        `${String(field)} ${JSON.stringify(from)}→${JSON.stringify(to)}${kept === true ? ' kept' : ''}${conflict === undefined ? '' : ` conflict ${String(conflict)}`}`,
    ),
  ].join(' ')
