import { STATUS_CODES } from 'node:http'
import type { Json, JsonObject } from '../../../lib/contract.ts'
import { isMap } from './exact-json.ts'

/** A response: JSON, or raw bytes. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[]>>
  /** May contain raw numbers, see exact-json.ts. */
  readonly json?: Json
  readonly raw?: string | Buffer
}

const JSON_TYPE = { 'content-type': 'application/json;charset=utf-8' }

export const json = (status: number, body: Json, headers: Readonly<Record<string, string>> = {}): Answer => ({
  status,
  headers: { ...JSON_TYPE, ...headers },
  json: body,
})

export const raw = (status: number, type: string, body: string | Buffer): Answer => ({
  status,
  headers: { 'content-type': type },
  raw: body,
})

/** An error in IDM's format. */
export const errorAnswer = (status: number, message: string, headers: Readonly<Record<string, string>> = {}): Answer =>
  json(status, { code: status, reason: STATUS_CODES[status] ?? '', message }, headers)

/** The rows of a page; undefined for any other answer. */
export const rowsOf = ({ json: body }: Answer): JsonObject[] | undefined =>
  isMap(body) && Array.isArray(body.result) ? body.result.filter(isMap) : undefined

/** The page with other rows or another cookie. */
export function withPage(
  answer: Answer,
  page: { result?: readonly Json[]; pagedResultsCookie?: string | null },
): Answer {
  if (!isMap(answer.json)) return answer
  const body = { ...answer.json, ...page } as JsonObject
  return { ...answer, json: { ...body, resultCount: Array.isArray(body.result) ? body.result.length : 0 } }
}
