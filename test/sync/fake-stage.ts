/** A gateway that reconciles between two fake IDMs, `one` and `two`. */
import assert from 'node:assert/strict'
import type { Json, JsonObject } from '../../lib/contract.ts'
import type { TestGateway } from '../gateway/parts.ts'
import { type FakeIdm, type FakeIdmOptions, fakeIdm } from '../helpers/fake-idm/fake-idm.ts'
import { startSyncGateway } from './gateways.ts'

export const USERS = 'managed/user'
export const SOURCE = `external/idm/one/${USERS}`
export const TARGET = `external/idm/two/${USERS}`

/** Copies `userName` and `sn`, correlates by `userName`. */
export const MAPPING: JsonObject = {
  name: 'm',
  source: SOURCE,
  target: TARGET,
  properties: ['userName', 'sn'].map((name) => ({ source: name, target: name })),
  correlationQuery: { linkQualifier: 'default', expressionTree: { any: ['userName'] } },
}

export interface FakeStage {
  readonly one: FakeIdm
  readonly two: FakeIdm
  readonly gateway: TestGateway
  /** Runs the mapping to its end. */
  recon(parameters?: string, body?: JsonObject, name?: string): Promise<JsonObject>
  /** Has these mappings in force. */
  configure(mappings: readonly JsonObject[]): Promise<void>
  /** The rows of the plan of a run, as `recon/plan` shows them. */
  rows(run: JsonObject): Promise<JsonObject[]>
  /** What became of each pair: `SITUATION ACTION STATUS` by source id, or target id where there is no source. */
  outcomes(run: JsonObject): Promise<Record<string, string>>
  /** `METHOD path` and body of each write that `two` was sent since the last time. */
  writes(): readonly (readonly [line: string, body: Json])[]
}

export interface FakeStageOptions {
  readonly mapping?: JsonObject
  readonly more?: readonly JsonObject[]
  readonly one?: FakeIdmOptions
  readonly two?: FakeIdmOptions
  readonly conf?: Readonly<Record<string, unknown>>
}

export async function fakeStage({ mapping = {}, more = [], ...options }: FakeStageOptions = {}): Promise<FakeStage> {
  const [one, two] = [await fakeIdm(options.one), await fakeIdm(options.two)]
  const gateway = await startSyncGateway({ one, two }, [{ ...MAPPING, ...mapping }, ...more], options.conf)
  const get = async (path: string) => {
    const { status, json, text } = await gateway.call(path)
    assert.equal(status, 200, text)
    return json as JsonObject
  }
  const rows = async (run: JsonObject) => {
    const { result } = await get(`/recon/plan/${String(run._id)}/entry?_queryFilter=true`)
    return result as JsonObject[]
  }
  return {
    one,
    two,
    gateway,
    async recon(parameters = '', body, name = 'm') {
      const action = /&id=/.test(parameters) ? 'reconById' : 'recon'
      const path = `/recon?_action=${action}&mapping=${name}&waitForCompletion=true&persistAssociations=true${parameters}`
      const { status, json, text } = await gateway.call(path, { method: 'POST', ...(body && { json: body }) })
      assert.equal(status, 200, text)
      return get(`/recon/${String((json as JsonObject)._id)}`)
    },
    async configure(mappings) {
      const { status, text } = await gateway.call('/config/sync', { method: 'PUT', json: { mappings } })
      assert.equal(status, 200, text)
    },
    rows,
    async outcomes(run) {
      return Object.fromEntries(
        (await rows(run)).map(({ sourceObjectId, targetObjectId, situation, action, status }) => [
          String(sourceObjectId ?? targetObjectId),
          `${String(situation)} ${String(action)} ${String(status)}`,
        ]),
      )
    },
    writes() {
      const seen = two.writes.map(({ line, body }) => [line, body as Json] as const)
      two.clearRequests()
      return seen
    },
  }
}
