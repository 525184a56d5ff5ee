import { resolve } from 'node:path'
import type { Json, JsonObject } from '../contract.ts'
import { isObject, parseStoredJson } from '../core/json.ts'
import type { Connection } from '../crest/protocol/connection.ts'
import { ADMINISTRATOR, administratorPassword } from '../gateway/access/administrator.ts'
import { Gateway } from '../gateway/gateway.ts'
import { Ownership, ownerOrOwnership } from '../gateway/ownership.ts'
import { createLog, logLevelOf } from '../gateway/project/log.ts'
import { packageRoot } from '../gateway/project/package-info.ts'
import { openProject } from '../gateway/project/project.ts'
import { StartError } from '../gateway/project/start-error.ts'
import { type CommandIo, UsageError } from './command.ts'

export type Params = Readonly<Record<string, string>>

/** The requests that commands make, to a running gateway or to one in this process. */
export interface GatewayApi {
  /** The gateway is part of this command: its runs are interrupted when the command ends. */
  readonly isOwn: boolean
  /** @returns null when there is none */
  read(path: string): Promise<JsonObject | null>
  query(path: string, params: Params): Promise<JsonObject[]>
  /** The pages of a query. */
  pages(path: string, params: Params): AsyncGenerator<JsonObject[], void, undefined>
  action(path: string, action: string, params: Params, content: Json): Promise<JsonObject>
  /** May be called again. */
  close(): Promise<void>
}

/** Options of all commands that need a gateway. */
export interface ApiOptions {
  readonly json?: boolean
  readonly url?: string
  readonly user?: string
  readonly project?: string
  /** The command starts runs, which end with their gateway. */
  readonly startsRuns?: boolean
}

const PAGE_SIZE = '500'

/** Runs `work` with the gateway that the options name. */
export async function withApi(
  options: ApiOptions,
  io: CommandIo,
  work: (api: GatewayApi) => Promise<number>,
): Promise<number> {
  const api = await openApi(options, io)
  try {
    return await work(api)
  } finally {
    await api.close()
  }
}

async function openApi({ url, user, project, startsRuns = false }: ApiOptions, io: CommandIo): Promise<GatewayApi> {
  const { env, cwd } = io
  if (project !== undefined) return projectApi(resolve(cwd, project), io, startsRuns)
  const { password } = administratorPassword(env, true)
  const address = url ?? env.OPENIDM_URL
  if (address === undefined)
    throw new UsageError('no gateway is named: give its address with --url or OPENIDM_URL, or --project <dir>')
  return restApi({
    url: address,
    user: user ?? env.OPENIDM_USERNAME ?? ADMINISTRATOR,
    password: env.OPENIDM_PASSWORD ?? password.reveal(),
  })
}

/** Of the process that owns the project, or of a gateway that owns it for as long as the command takes. */
async function projectApi(dir: string, { env }: CommandIo, startsRuns: boolean): Promise<GatewayApi> {
  const project = await openProject(dir)
  const found = await ownerOrOwnership(project, startsRuns)
  if (!(found instanceof Ownership))
    return restApi({ url: `${found.local}/openidm`, user: ADMINISTRATOR, password: found.token })
  try {
    const gateway = await Gateway.start({
      project,
      host: '127.0.0.1',
      plugins: [packageRoot],
      administratorPassword: administratorPassword(env, true).password,
      env,
      log: createLog({ level: env.LOG_LEVEL ? logLevelOf(env) : 'warn' }),
      localToken: found.token,
    })
    found.announce({ local: gateway.localOrigin })
    return localApi(gateway.connection, () => gateway.stop().finally(() => found.release()))
  } catch (error) {
    found.release()
    throw error
  }
}

interface RestOptions {
  readonly url: string
  readonly user: string
  readonly password: string
}

function restApi({ url, user, password }: RestOptions): GatewayApi {
  const base = `${url.replace(/(?<!\/)\/+$/, '')}/`
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const ask = async (path: string, params: Params, init: RequestInit = {}) => {
    const query = new URLSearchParams(params).toString()
    const headers = { authorization, 'content-type': 'application/json', 'x-requested-with': 'openidm-external-idm' }
    const address = `${base}${path}${query === '' ? '' : `?${query}`}`
    const response = await fetch(address, { ...init, headers }).catch((error: unknown) => {
      const { cause } = error as { cause?: { message?: string } }
      throw new StartError(`${base} cannot be reached: ${cause?.message ?? String(error)}`)
    })
    return contentOf(base, response.status, await response.text())
  }
  const query = async (path: string, params: Params) => {
    const { status, content } = await ask(path, params)
    if (status === 404) throw refused(status, content)
    return pageOf(content)
  }
  return {
    isOwn: false,
    async read(path) {
      const { status, content } = await ask(path, {})
      return status !== 404 && isObject(content) ? content : null
    },
    query: async (path, params) => (await query(path, params)).result,
    pages: (path, params) => pagesOf((more) => query(path, { ...params, ...more })),
    async action(path, action, params, body) {
      const json = body === null ? {} : { body: JSON.stringify(body) }
      const { status, content } = await ask(path, { _action: action, ...params }, { method: 'POST', ...json })
      if (status === 404) throw refused(status, content)
      return isObject(content) ? content : {}
    },
    close: async () => undefined,
  }
}

interface Page {
  readonly result: JsonObject[]
  readonly pagedResultsCookie: string | null
}

async function* pagesOf(query: (more: Params) => Promise<Page>): AsyncGenerator<JsonObject[], void, undefined> {
  for (let more: Params | undefined = { _pageSize: PAGE_SIZE }; more; ) {
    const { result, pagedResultsCookie }: Page = await query(more)
    yield result
    more = pagedResultsCookie === null ? undefined : { ...more, _pagedResultsCookie: pagedResultsCookie }
  }
}

function pageOf(answer: Json): Page {
  const { result, pagedResultsCookie } = isObject(answer) ? answer : {}
  return {
    result: Array.isArray(result) ? result.filter((entry) => isObject(entry)) : [],
    pagedResultsCookie: typeof pagedResultsCookie === 'string' ? pagedResultsCookie : null,
  }
}

/** @throws StartError for all answers but success and 404 */
function contentOf(base: string, status: number, text: string): { readonly status: number; readonly content: Json } {
  let content: Json = null
  try {
    content = parseStoredJson(text)
  } catch {
    throw new StartError(`${base} answered ${status} without JSON: is this the address of a gateway?`)
  }
  if (status < 400 || status === 404) return { status, content }
  throw status === 401 ? new StartError(`${base} refuses these credentials (401)`) : refused(status, content)
}

const refused = (status: number, content: Json): StartError =>
  new StartError(`${isObject(content) ? String(content.message) : ''} (${status})`)

function localApi(connection: Connection, close: () => Promise<void>): GatewayApi {
  let closed: Promise<void> | undefined
  return {
    isOwn: true,
    read: (path) => connection.read(path),
    query: async (path, params) => (await connection.query(path, params)).result,
    pages: (path, params) => pagesOf((more) => connection.query(path, { ...params, ...more })),
    async action(path, action, params, content) {
      const answer = await connection.action(path, action, content, params)
      return isObject(answer) ? answer : {}
    },
    close() {
      closed ??= close()
      return closed
    },
  }
}
