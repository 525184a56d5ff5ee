/** A gateway on which several people make, approve and carry out plans. */
import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { type FakeStage, type FakeStageOptions, fakeStage } from './fake-stage.ts'

export const user = (id: string, more: JsonObject = {}): JsonObject => ({ _id: id, userName: id, sn: id, ...more })

export const users = (count: number, prefix = 'u'): JsonObject[] =>
  Array.from({ length: count }, (_, index) => user(`${prefix}${String(index).padStart(4, '0')}`))

export interface Answer {
  readonly status: number
  readonly json: JsonObject
}

export interface PlanStage extends FakeStage {
  /** `GET path`, as the administrator. */
  get(path: string): Promise<JsonObject>
  /** @param by `operator` or `openidm-admin`, who is the default */
  post(path: string, body?: JsonObject, by?: string): Promise<Answer>
  /** Makes a plan. @returns its id */
  analyze(body?: JsonObject): Promise<string>
  plan(id: string): Promise<JsonObject>
  /** Carries a plan, or a part of it, out. @returns the ended run */
  execute(id: string, body?: JsonObject, by?: string): Promise<JsonObject>
  /** The status and message of a request that is refused. */
  refused(answer: Promise<Answer>): Promise<string>
}

/** The second person has to be somebody else than the administrator. */
const OPERATOR = {
  authorization: `Basic ${Buffer.from('operator:Passw0rd').toString('base64')}`,
}

export async function planStage(options: FakeStageOptions = {}): Promise<PlanStage> {
  // Two plans are kept, so that they can be compared.
  const reconAssociation = { maxAnalysisRunsPerMapping: 10, maxNonAnalysisRunsPerMapping: 10 }
  const stage = await fakeStage({ ...options, mapping: { reconAssociation, ...options.mapping } })
  const { gateway } = stage
  const json = { password: 'Passw0rd', roles: [{ _ref: 'internal/role/openidm-admin' }] }
  assert.equal((await gateway.call('/internal/user/operator', { method: 'PUT', json })).status, 201)
  const get = async (path: string) => {
    const { status, json, text } = await gateway.call(path)
    assert.equal(status, 200, text)
    return json as JsonObject
  }
  const post = async (path: string, body?: JsonObject, by = 'openidm-admin') => {
    const headers = by === 'operator' ? { headers: OPERATOR } : {}
    const answer = await gateway.call(path, { method: 'POST', ...headers, ...(body && { json: body }) })
    return { status: answer.status, json: answer.json as JsonObject }
  }
  return {
    ...stage,
    get,
    post,
    analyze: async (body) => String((await stage.recon('&analyze=true', body))._id),
    plan: (id) => get(`/recon/plan/${id}`),
    async execute(id, body, by) {
      const { status, json } = await post(`/recon/${id}?_action=execute&waitForCompletion=true`, body, by)
      assert.equal(status, 200, JSON.stringify(json))
      return get(`/recon/${String(json._id)}`)
    },
    async refused(answer) {
      const { status, json } = await answer
      return `${status} ${String(json.message)}`
    },
  }
}
