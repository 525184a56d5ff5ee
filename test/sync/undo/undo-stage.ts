/** Runs that are undone. */
import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { type FakeStage, type FakeStageOptions, fakeStage, USERS } from '../fake-stage.ts'

export interface UndoStage extends FakeStage {
  get(path: string): Promise<JsonObject>
  post(path: string, body?: JsonObject): Promise<{ status: number; json: JsonObject }>
  /** Plans to undo a run. @returns the run that plans */
  planUndo(run: JsonObject, deleteCreated?: number): Promise<JsonObject>
  /** Carries a plan out. @returns the ended run */
  execute(plan: JsonObject): Promise<JsonObject>
  /** Plans to undo a run and does it. @returns the run that undid it */
  undo(run: JsonObject, deleteCreated?: number): Promise<JsonObject>
  /** Objects and links: what an undo is to give back. */
  state(): Promise<JsonObject>
}

export async function undoStage(options: FakeStageOptions = {}): Promise<UndoStage> {
  const stage = await fakeStage(options)
  const { gateway, two } = stage
  const get = async (path: string) => {
    const { status, json, text } = await gateway.call(path)
    assert.equal(status, 200, text)
    return json as JsonObject
  }
  const post = async (path: string, body?: JsonObject) => {
    const answer = await gateway.call(path, { method: 'POST', ...(body && { json: body }) })
    return { status: answer.status, json: answer.json as JsonObject }
  }
  const ended = async (path: string, body?: JsonObject) => {
    const { status, json } = await post(`${path}&waitForCompletion=true`, body)
    assert.equal(status, 200, JSON.stringify(json))
    return get(`/recon/${String(json._id)}`)
  }
  const planUndo = (run: JsonObject, deleteCreated?: number) =>
    ended(`/recon/${String(run._id)}?_action=undo`, deleteCreated === undefined ? undefined : { deleteCreated })
  const execute = (plan: JsonObject) => ended(`/recon/${String(plan._id)}?_action=execute`)
  return {
    ...stage,
    ...{ get, post, planUndo, execute },
    undo: async (run, deleteCreated) => execute(await planUndo(run, deleteCreated)),
    async state() {
      const { result } = await get('/repo/link?_queryFilter=true')
      const links = (result as JsonObject[]).map(
        ({ linkType, linkQualifier, firstId, secondId }) =>
          `${String(linkType)} ${String(linkQualifier)}: ${String(firstId)} → ${String(secondId)}`,
      )
      // Null says the same as nothing.
      const given = (object: JsonObject) => Object.entries(object).filter(([, value]) => value !== null)
      const objects = two.objects(USERS).map(({ _rev, ...object }) => Object.fromEntries(given(object)) as JsonObject)
      return {
        links: links.sort(),
        objects: Object.fromEntries(objects.sort(byId).map((object) => [String(object._id), object])),
      }
    },
  }
}

const byId = (one: JsonObject, other: JsonObject): number => (String(one._id) < String(other._id) ? -1 : 1)

/** `ACTION STATUS: reason`, one for each row. */
export const told = (rows: readonly JsonObject[]): string[] =>
  rows.map(({ action, status, reason }) => `${String(action)} ${String(status)}: ${String(reason)}`)
