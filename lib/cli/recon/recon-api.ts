import type { Json, JsonObject } from '../../contract.ts'
import { isObject, parseStoredJson } from '../../core/json.ts'
import type { Connection } from '../../crest/protocol/connection.ts'

/** A gateway as the command line needs it: one that runs elsewhere, or one of its own. */
export interface ReconApi {
  read(path: string): Promise<JsonObject | null>
  query(path: string, params: Readonly<Record<string, string>>): Promise<JsonObject[]>
  action(path: string, action: string, params: Readonly<Record<string, string>>, content: Json): Promise<JsonObject>
  close(): Promise<void>
}

/** What a gateway refused, in its own words. */
export class ReconApiError extends Error {}

export interface Credentials {
  readonly url: string
  readonly user: string
  readonly password: string
}

/** A gateway that runs elsewhere, over REST. */
export function restApi({ url, user, password }: Credentials): ReconApi {
  const base = `${url.replace(/(?<!\/)\/+$/, '')}/`
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const ask = async (path: string, params: Readonly<Record<string, string>>, init: RequestInit = {}) => {
    const query = new URLSearchParams(params).toString()
    const headers = { authorization, 'content-type': 'application/json', 'x-requested-with': 'openidm-external-idm' }
    const address = `${base}${path}${query === '' ? '' : `?${query}`}`
    const response = await fetch(address, { ...init, headers }).catch((error: unknown) => {
      const { cause } = error as { cause?: { message?: string } }
      throw new ReconApiError(`${base} cannot be reached: ${cause?.message ?? String(error)}`)
    })
    return answerOf(base, response.status, await response.text())
  }
  return {
    async read(path) {
      const answer = await ask(path, {})
      return isObject(answer) ? answer : null
    },
    query: async (path, params) => resultOf(await ask(path, params)),
    async action(path, action, params, content) {
      const body = content === null ? {} : { body: JSON.stringify(content) }
      const answer = await ask(path, { _action: action, ...params }, { method: 'POST', ...body })
      return isObject(answer) ? answer : {}
    },
    close: async () => undefined,
  }
}

function answerOf(base: string, status: number, text: string): Json {
  let json: Json = null
  try {
    json = parseStoredJson(text)
  } catch {
    throw new ReconApiError(
      `${base} answered ${status} with something that is no JSON: is it the address of a gateway?`,
    )
  }
  if (status === 404) return null
  if (status < 400) return json
  const message = isObject(json) ? String(json.message) : ''
  throw new ReconApiError(status === 401 ? `${base} refuses these credentials (401)` : `${message} (${status})`)
}

const resultOf = (answer: Json): JsonObject[] =>
  isObject(answer) && Array.isArray(answer.result) ? answer.result.filter((entry) => isObject(entry)) : []

/** A gateway in this process. */
export const ownApi = (connection: Connection, close: () => Promise<void>): ReconApi => ({
  read: (path) => connection.read(path),
  query: async (path, params) => (await connection.query(path, params)).result,
  async action(path, action, params, content) {
    const answer = await connection.action(path, action, content, params)
    return isObject(answer) ? answer : {}
  },
  close,
})
