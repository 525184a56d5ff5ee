import { resolve } from 'node:path'
import type { Json, JsonObject } from '../../contract.ts'
import { isObject, parseStoredJson } from '../../core/json.ts'
import type { Connection } from '../../crest/protocol/connection.ts'
import { ADMINISTRATOR, administratorPassword } from '../../gateway/access/administrator.ts'
import { Gateway } from '../../gateway/gateway.ts'
import { Ownership, ownerOrOwnership } from '../../gateway/ownership.ts'
import { createLog, logLevelOf } from '../../gateway/project/log.ts'
import { packageRoot } from '../../gateway/project/package-info.ts'
import { openProject } from '../../gateway/project/project.ts'
import { StartError } from '../../gateway/project/start-error.ts'
import { type CommandIo, UsageError } from '../command.ts'

/** The requests that the `recon` commands make, to a running gateway or to one in this process. */
export interface ReconApi {
  read(path: string): Promise<JsonObject | null>
  query(path: string, params: Readonly<Record<string, string>>): Promise<JsonObject[]>
  action(path: string, action: string, params: Readonly<Record<string, string>>, content: Json): Promise<JsonObject>
  close(): Promise<void>
}

/** Options that all `recon` commands have. */
export interface ApiOptions {
  readonly json?: boolean
  readonly url?: string
  readonly user?: string
  readonly project?: string
  /** The command starts runs, which end with their gateway. */
  readonly startsRuns?: boolean
}

/** Runs `work` with the gateway that the options name. */
export async function withApi(
  options: ApiOptions,
  io: CommandIo,
  work: (api: ReconApi) => Promise<number>,
): Promise<number> {
  const api = await openApi(options, io)
  try {
    return await work(api)
  } finally {
    await api.close()
  }
}

async function openApi({ url, user, project, startsRuns = false }: ApiOptions, io: CommandIo): Promise<ReconApi> {
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
async function projectApi(dir: string, { env }: CommandIo, startsRuns: boolean): Promise<ReconApi> {
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

function restApi({ url, user, password }: RestOptions): ReconApi {
  const base = `${url.replace(/(?<!\/)\/+$/, '')}/`
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const ask = async (path: string, params: Readonly<Record<string, string>>, init: RequestInit = {}) => {
    const query = new URLSearchParams(params).toString()
    const headers = { authorization, 'content-type': 'application/json', 'x-requested-with': 'openidm-external-idm' }
    const address = `${base}${path}${query === '' ? '' : `?${query}`}`
    const response = await fetch(address, { ...init, headers }).catch((error: unknown) => {
      const { cause } = error as { cause?: { message?: string } }
      throw new StartError(`${base} cannot be reached: ${cause?.message ?? String(error)}`)
    })
    return contentOf(base, response.status, await response.text())
  }
  return {
    async read(path) {
      const answer = await ask(path, {})
      return isObject(answer) ? answer : null
    },
    async query(path, params) {
      const answer = await ask(path, params)
      return isObject(answer) && Array.isArray(answer.result) ? answer.result.filter((entry) => isObject(entry)) : []
    },
    async action(path, action, params, content) {
      const body = content === null ? {} : { body: JSON.stringify(content) }
      const answer = await ask(path, { _action: action, ...params }, { method: 'POST', ...body })
      return isObject(answer) ? answer : {}
    },
    close: async () => undefined,
  }
}

function contentOf(base: string, status: number, text: string): Json {
  let json: Json = null
  try {
    json = parseStoredJson(text)
  } catch {
    throw new StartError(`${base} answered ${status} without JSON: is this the address of a gateway?`)
  }
  if (status === 404) return null
  if (status < 400) return json
  const message = isObject(json) ? String(json.message) : ''
  throw new StartError(status === 401 ? `${base} refuses these credentials (401)` : `${message} (${status})`)
}

const localApi = (connection: Connection, close: () => Promise<void>): ReconApi => ({
  read: (path) => connection.read(path),
  query: async (path, params) => (await connection.query(path, params)).result,
  async action(path, action, params, content) {
    const answer = await connection.action(path, action, content, params)
    return isObject(answer) ? answer : {}
  },
  close,
})
