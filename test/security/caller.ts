import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { onCleanUp } from '../helpers/clean-up.ts'
import { writeFiles } from '../helpers/files.ts'
import { type CallOptions, type CallResponse, request } from '../helpers/http.ts'
import { type ExchangeOptions, type RawAnswer, rawExchange } from '../helpers/raw.ts'
import type { RecordedRequest } from '../helpers/recorded-request.ts'
import { until } from '../helpers/until.ts'
import type { Stage } from './stage.ts'
import type { Entrance } from './subject.ts'

/** What a group of tests is given: the stage, once it stands. */
export type OnStage = () => Stage

export const MOUNT = '/openidm/external/idm/'

/** A caller's own credentials, in every place where one puts them; none of them is a remote's business. */
export const CALLERS_OWN = {
  authorization: 'Basic Y2FsbGVyOmNhbGxlcg==',
  cookie: 'session-jwt=caller; other=caller',
  'proxy-authorization': 'Basic Y2FsbGVyOmNhbGxlcg==',
  'x-openidm-username': 'caller',
  'x-openidm-password': 'caller',
  'x-openidm-runas': 'caller',
  'x-requested-with': 'XMLHttpRequest',
} as const

export interface Call extends CallOptions {
  readonly entrance?: Entrance
}

/** Calls the application; `path` stands behind the name of its mount, as in `eu/managed/user`. */
export const call = (stage: Stage, path: string, options: Call = {}): Promise<CallResponse> =>
  callHost(stage, MOUNT + path, options)

/** The same for any path of the application. */
export function callHost(
  stage: Stage,
  path: string,
  { entrance = 'bare', ...options }: Call = {},
): Promise<CallResponse> {
  return request(`http://127.0.0.1:${stage.host.ports[entrance]}${path}`, options)
}

export interface RawCall extends ExchangeOptions {
  readonly entrance?: Entrance
}

/** Sends exactly these bytes to the application. */
export const callRaw = (
  stage: Stage,
  bytes: string | readonly string[],
  { entrance = 'bare', ...options }: RawCall = {},
): Promise<RawAnswer> => rawExchange(stage.host.ports[entrance], bytes, options)

/** A request in its bytes, with a Host header and these further lines. */
export const wire = (line: string, headers: readonly string[] = [], body = ''): string =>
  [`${line} HTTP/1.1`, 'Host: gateway.example.com', ...headers, '', body].join('\r\n')

/** Everything that reached any remote in this test. */
export const seen = ({ eu, us, tls, cloud }: Stage): RecordedRequest[] =>
  [eu, us, tls, cloud].flatMap(({ requests }) => requests)

export function assertNothingSeen(stage: Stage, message?: string): void {
  assert.deepEqual(
    seen(stage).map(({ method, url }) => `${method} ${url}`),
    [],
    message ?? 'no remote was asked',
  )
}

/** An answer in IDM's terms with this status. @returns its message */
export function assertRefused(answer: { status: number; text: string }, code: number): string {
  assert.equal(answer.status, code, answer.text)
  const body = JSON.parse(answer.text) as { code: number; reason: string; message: string }
  assert.equal(body.code, code)
  assert.ok(body.reason && body.message, answer.text)
  return body.message
}

/** One more instance for the length of a test, taken up while the application runs; basic unless said otherwise. */
export async function withInstance(stage: Stage, name: string, properties: object): Promise<void> {
  const file = `external.idm-${name}.json`
  const basic = { authType: 'basic', userName: 'svc', password: 'pw' }
  await writeFiles(stage.confDir, { [file]: { ...basic, ...properties } })
  onCleanUp(async () => {
    await rm(join(stage.confDir, file))
    await until(async () => !(await isThere(stage, name)), `instance ${name} is gone`)
  })
  await until(() => isThere(stage, name), `instance ${name} is in force`)
}

async function isThere(stage: Stage, name: string): Promise<boolean> {
  const { json } = await callHost(stage, '/openidm/external/idm?_queryFilter=true')
  return (json as { result: { _id: string }[] }).result.some(({ _id }) => _id === name)
}

/** Waits until the application serves nobody: what a test broke off reaches a remote now or never. */
export async function untilQuiet(stage: Stage): Promise<void> {
  await until(async () => {
    const { json } = await callHost(stage, '/openidm/info/waiting')
    return (json as { waiting: number }).waiting === 0
  }, 'the application serves nobody')
  await until(() => seen(stage).every(({ complete, aborted }) => complete || aborted))
}
