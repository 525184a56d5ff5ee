/** The reference gateway as users start it: compiled, by its command line, in a process of its own. */
import http from 'node:http'
import { join } from 'node:path'
import { answerOf, PROBE, pinned, type Running, spawnReady } from './process.ts'

export interface GatewayOptions {
  /** The folder of the compiled package, of this checkout or of another. */
  readonly dist: string
  readonly project: string
  /** Omitted, it may use all cores. */
  readonly core?: 0 | 1
  readonly port?: number
  readonly workers?: number
  /** Without it the access log is written, but not kept. */
  readonly logLevel?: 'error'
  /** Without its probe it ends by itself after SIGTERM. */
  readonly hasProbe?: boolean
  readonly env?: NodeJS.ProcessEnv
}

/** Credentials of its administrator. */
export const ADMIN = { 'x-openidm-username': 'openidm-admin', 'x-openidm-password': 'openidm-admin' }

export async function startGateway(options: GatewayOptions) {
  const { dist, project, core, port = 0, workers = 1, logLevel, hasProbe = true, env } = options
  const probe = hasProbe ? ['--expose-gc', '--import', PROBE] : []
  const args = ['start', '--project', project, '--port', String(port), '--workers', String(workers)]
  const command = [process.execPath, ...probe, join(dist, 'bin.js'), ...args]
  const settings = { ...env, OPENIDM_ADMIN_PASSWORD: 'openidm-admin', ...(logLevel && { LOG_LEVEL: logLevel }) }
  const { line, ...running } = await spawnReady(core === undefined ? command : pinned(command, core), settings)
  return { ...running, ready: { port: Number(new URL(line.replace('Listening on ', '')).port) } }
}

export interface Request {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  /** Below `/openidm/`. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}
export interface Answer {
  readonly status: number
  readonly text: string
}

export function send(agent: http.Agent, port: number, { method, path, headers, body }: Request): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
    const all = { ...headers, ...length }
    const request = http.request({ port, host: '127.0.0.1', path: `/openidm/${path}`, method, agent, headers: all })
    request.once('response', async (response) => {
      let text = ''
      try {
        for await (const chunk of response.setEncoding('utf8')) text += chunk
        resolve({ status: response.statusCode ?? 0, text })
      } catch (error) {
        reject(error)
      }
    })
    request.once('error', reject)
    request.end(body)
  })
}

/** Reconciles by the mapping `m`. @returns the run, once it has ended well */
export async function reconcile({ ready }: Running): Promise<{ readonly duration: number }> {
  const agent = new http.Agent()
  const ask = async (method: 'GET' | 'POST', path: string) => {
    const { status, text } = await send(agent, ready.port ?? 0, { method, path, headers: ADMIN })
    if (status !== 200) throw new Error(text)
    return JSON.parse(text) as { _id: string; state: string; stageDescription: string; duration: number }
  }
  const { _id } = await ask('POST', 'recon?_action=recon&mapping=m&waitForCompletion=true')
  const run = await ask('GET', `recon/${_id}`)
  if (run.state !== 'SUCCESS') throw new Error(run.stageDescription)
  return run
}

/** Delay of the event loop, and of the requests that are proxied meanwhile, in milliseconds. */
export interface Felt {
  readonly loopP99: number
  readonly loopMax: number
  readonly latencies: readonly number[]
  readonly failed: number
}

const CALLS_PER_SECOND = 50
const CALL: Request = { method: 'GET', path: 'external/idm/bench/managed/small', headers: ADMIN }

/** Measures the event loop and proxied requests at a fixed rate until `done`. */
export async function feel(
  { child, ready }: Running,
  agent: http.Agent,
  done: Promise<unknown>,
  rate = CALLS_PER_SECOND,
): Promise<Felt> {
  const latencies: number[] = []
  let failed = 0
  let ended = false
  const end = () => {
    ended = true
  }
  done.then(end, end)
  child.send('reset')
  const calls = await atRate(
    rate,
    () => !ended,
    async () => {
      const begin = performance.now()
      const { status } = await send(agent, ready.port ?? 0, CALL).catch(() => ({ status: 0 }))
      latencies.push(performance.now() - begin)
      if (status !== 200) failed += 1
    },
  )
  await Promise.all(calls)
  const { loopP99, loopMax } = await answerOf<Omit<Felt, 'latencies' | 'failed'>>(child, 'read')
  await done
  return { loopP99, loopMax, latencies, failed }
}

/** Begins as many per second whether earlier ones have ended or not. @returns when the last began, all of them */
export async function atRate<T>(
  rate: number,
  goesOn: (count: number) => boolean,
  work: (number: number) => Promise<T>,
): Promise<Promise<T>[]> {
  const begun: Promise<T>[] = []
  const start = performance.now()
  for (let n = 0; goesOn(n); n++) {
    const wait = start + (n * 1000) / rate - performance.now()
    if (wait > 0) await new Promise((next) => setTimeout(next, wait))
    begun.push(work(n))
  }
  return begun
}
