/**
 * `npm run soak -- --minutes N`: mixed load, reloads and faults against a gateway in a process of its own. Prints what
 * that process holds over time, and ends with 1 when it holds more and more, or when a good request was not answered.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { basic } from '../security/app.ts'
import type { Holdings } from './gateway.ts'
import { Load } from './load.ts'
import { growth, heading, row, type Sample } from './samples.ts'
import { ILLNESSES, Stage } from './stage.ts'

/** Samples of a run, each after a rest. */
const SAMPLES = 16
/** Idle connections are closed by the gateway within four seconds, tokens and pauses are shorter. */
const REST_MS = 4500

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } })
const minutes = Number(values.minutes)
if (!(minutes > 0)) throw new TypeError(`--minutes: must be a number above 0, found ${JSON.stringify(values.minutes)}`)

const stage = await Stage.create()
const child = fork(fileURLToPath(new URL('gateway.ts', import.meta.url)), [stage.project], {
  execArgv: ['--expose-gc'],
  env: { ...process.env, NODE_NO_WARNINGS: '1' },
})
const ended = new AbortController()
child.once('exit', (code, signal) => ended.abort(new Error(`the gateway ended with ${code ?? signal}`)))
try {
  process.exitCode = (await soak(child)) ? 0 : 1
} finally {
  if (child.connected) child.disconnect()
  if (!ended.signal.aborted) await once(child, 'exit')
  await stage.close()
}

async function soak(gateway: ChildProcess): Promise<boolean> {
  const [{ port }] = (await once(gateway, 'message', { signal: ended.signal })) as [{ port: number }]
  const load = new Load(port)
  const samples: Sample[] = []
  const begin = performance.now()
  const roundMs = Math.max(1000, (minutes * 60_000) / SAMPLES - REST_MS)
  console.log(heading())
  while (performance.now() - begin < minutes * 60_000) {
    await round(load, roundMs)
    samples.push({ ...(await holdings(gateway)), seconds: (performance.now() - begin) / 1000, answers: load.answers })
    console.log(row(samples.at(-1) as Sample))
    stage.forget()
  }
  return verdict(samples, load.failures)
}

/** Load with everything that disturbs it, and a rest. */
async function round(load: Load, ms: number): Promise<void> {
  const over = new AbortController()
  load.go()
  const disturbances = [reloads(over.signal), faults(over.signal), writes(load, over.signal)]
  await delay(ms)
  over.abort()
  await Promise.all(disturbances)
  await load.rest()
  await delay(REST_MS)
}

/** Does one thing after the other, with a pause between them, until `signal` aborts. */
async function repeat(signal: AbortSignal, pauseMs: number, act: (n: number) => unknown): Promise<void> {
  for (let n = 0; !signal.aborted; n++) {
    await act(n)
    await delay(pauseMs, undefined, { signal }).catch(() => undefined)
  }
}

function reloads(signal: AbortSignal): Promise<void> {
  return repeat(signal, 150, async (n) => {
    await stage.configure('well', basic(stage.well, { userName: `svc-${n}` }))
    await stage.configure('guarded', stage.bearer({ maxConnections: 32 + (n % 2) }))
    await stage.configure('comes-and-goes', n % 2 === 0 ? basic(stage.well) : undefined)
    await stage.configure('broken', n % 3 === 0 ? { authType: 'neither' } : undefined)
  })
}

function faults(signal: AbortSignal): Promise<void> {
  return repeat(signal, 250, (n) => {
    const illness = ILLNESSES[n % ILLNESSES.length]
    if (illness) stage.ill.answer(illness())
    if (n % 4 === 0) stage.well.server.closeIdleConnections()
    if (n % 8 === 0) stage.tokens.store.revoke()
  })
}

function writes(load: Load, signal: AbortSignal): Promise<void> {
  return repeat(signal, 400, async (n) => {
    const path = `config/external.idm/rest${n % 3}`
    await load.some(path, { method: 'PUT', json: basic(stage.well, { userName: `svc-${n}` }) })
    if (n % 2 === 1) await load.some(path, { method: 'DELETE' })
  })
}

async function holdings(gateway: ChildProcess): Promise<Holdings> {
  gateway.send('measure')
  const [answer] = (await once(gateway, 'message', { signal: ended.signal })) as [Holdings]
  return answer
}

function verdict(samples: readonly Sample[], failures: readonly string[]): boolean {
  const grown = growth(samples)
  for (const line of [...grown, ...failures.slice(0, 10)]) console.log(line)
  if (failures.length > 0) console.log(`${failures.length} good requests were not answered well`)
  console.log(grown.length === 0 && failures.length === 0 ? 'no growth, no failure' : 'FAILED')
  return grown.length === 0 && failures.length === 0
}
