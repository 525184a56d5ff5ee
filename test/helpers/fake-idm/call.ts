import type { Json, JsonObject } from '../../../lib/contract.ts'
import { type CallResponse, request } from '../http.ts'

/** `body` is the parsed JSON, or an empty object when the answer is not JSON. */
export interface Called extends Pick<CallResponse, 'status' | 'headers' | 'text' | 'rawHeaders'> {
  readonly body: JsonObject
}

/** Calls a fake IDM directly: `call(remote, 'PATCH managed/user/u1', [{ … }], { 'if-match': '1' })`. */
export async function call(
  { url }: { readonly url: string },
  line: string,
  body?: Json | string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Called> {
  const [method = '', ...path] = line.split(' ')
  const content = typeof body === 'string' || body === undefined ? { body: body ?? '' } : { json: body }
  const answer = await request(`${url}${path.join(' ').replaceAll(' ', '+')}`, { method, headers, ...content })
  const { status, text, rawHeaders } = answer
  return { status, headers: answer.headers, text, rawHeaders, body: isJson(answer) ? (answer.json as JsonObject) : {} }
}

const isJson = ({ headers, text }: CallResponse): boolean =>
  text !== '' && (headers['content-type'] ?? '').startsWith('application/json')
