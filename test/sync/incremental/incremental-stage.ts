/** A mapping that asks only for what changed, between two fake IDMs. */
import assert from 'node:assert/strict'
import type { Json, JsonObject } from '../../../lib/contract.ts'
import { type FakeStage, type FakeStageOptions, fakeStage, USERS } from '../fake-stage.ts'

export const HOUR = 3_600_000

export interface IncrementalStage extends FakeStage {
  /** Asks only for what changed. */
  changed(parameters?: string, body?: JsonObject): Promise<JsonObject>
  /** Answers status and message of a run that is refused. */
  refused(parameters?: string, body?: JsonObject): Promise<string>
  post(path: string, body?: JsonObject): Promise<{ readonly status: number; readonly json: JsonObject }>
  /** Changes a source: the remote writes when it was changed, by its own clock. */
  edit(id: string, fields: Readonly<Record<string, Json | undefined>>): void
  add(id: string, fields?: JsonObject): void
  /** The queries for sources since the last time, without paging. */
  asked(): string[]
}

/** The time at the source, `ago` milliseconds before. */
export const timeAt = ({ one }: Pick<FakeStage, 'one'>, ago = 0): string => {
  const { clockSkew } = one.switches
  return new Date(Date.now() - ago + (clockSkew === 'none' ? 0 : clockSkew)).toISOString()
}

/** @param ids of sources that were last changed a day ago */
export async function incrementalStage(
  { mapping = {}, ...options }: FakeStageOptions = {},
  ids: readonly string[] = ['u1', 'u2', 'u3'],
): Promise<IncrementalStage> {
  const incremental: JsonObject = { changedField: 'lastModified' }
  const stage = await fakeStage({ ...options, mapping: { incremental, ...mapping } })
  const { one, gateway } = stage
  const add = (id: string, fields: JsonObject = {}) =>
    one.seed(USERS, [{ _id: id, userName: id, sn: 'Ortiz', lastModified: timeAt(stage), ...fields }])
  for (const id of ids) add(id, { lastModified: timeAt(stage, 24 * HOUR) })
  const post = async (path: string, body?: JsonObject) => {
    const answer = await gateway.call(path, { method: 'POST', ...(body && { json: body }) })
    return { status: answer.status, json: answer.json as JsonObject }
  }
  return {
    ...stage,
    ...{ add, post },
    changed: (parameters = '', body) => stage.recon(`&changed=true${parameters}`, body),
    async refused(parameters = '&changed=true', body) {
      const action = /&id=/.test(parameters) ? 'reconById' : 'recon'
      const { status, json } = await post(`/recon?_action=${action}&mapping=m${parameters}`, body)
      assert.ok(status >= 400, JSON.stringify(json))
      return `${status} ${String(json.message)}`
    },
    edit: (id, fields) => one.change(USERS, id, { lastModified: timeAt(stage), ...fields }),
    asked() {
      const queries = one.requests.flatMap(({ query }) => query._queryFilter ?? [])
      one.clearRequests()
      return queries
    },
  }
}

/** What a run says about `incremental`. */
export const notesOf = ({ incremental }: JsonObject): JsonObject => (incremental ?? {}) as JsonObject

/** Milliseconds from `from` to `to`. */
export const between = (from: unknown, to: unknown): number => Date.parse(String(to)) - Date.parse(String(from))
