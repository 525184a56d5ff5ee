/** The load generator: a process that runs one round per message and sends back what it measured. */
import { execFile } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import autocannon from 'autocannon'

export interface Round {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly connections: number
  readonly seconds: number
}
export interface Measured {
  /** Requests per second; answers other than 2xx do not count. */
  readonly rate: number
  /** How many that were. */
  readonly count: number
  readonly p99: number
  readonly failed: number
}

const BODY = JSON.stringify({ userName: 'bench', description: 'x'.repeat(2000) })
const HEADERS = {
  'x-openidm-username': 'openidm-admin',
  'x-openidm-password': 'openidm-admin',
  'accept-api-version': 'resource=1.0',
}

/** wrk costs the machine a tenth of what autocannon does, so that more of it is left for what is measured. */
export const WRK = ['/usr/bin/wrk', '/usr/local/bin/wrk', '/opt/homebrew/bin/wrk'].find((path) => existsSync(path))

async function byAutocannon({ url, method, connections, seconds }: Round): Promise<Measured> {
  const posted = method === 'POST' ? { body: BODY, headers: { ...HEADERS, 'content-type': 'application/json' } } : {}
  const result = await autocannon({ url, method, connections, duration: seconds, headers: HEADERS, ...posted })
  const failed = result.non2xx + result.errors + result.timeouts
  return { rate: result['2xx'] / result.duration, count: result['2xx'], p99: result.latency.p99, failed }
}

async function byWrk(wrk: string, { url, method, connections, seconds }: Round): Promise<Measured> {
  const headers = Object.entries(HEADERS).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const posted = method === 'POST' ? ['-s', postScript()] : []
  const args = ['--latency', '-t1', `-c${connections}`, `-d${Math.ceil(seconds)}s`, ...headers, ...posted, url]
  const { stdout } = await promisify(execFile)(wrk, args)
  const all = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0)
  const bad = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0)
  const errors = [...(/Socket errors:.*/.exec(stdout)?.[0] ?? '').matchAll(/\d+/g)].reduce(
    (sum, [n]) => sum + Number(n),
    0,
  )
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? 0)
  const share = all === 0 ? 0 : (all - bad) / all
  return {
    rate: rate * share,
    count: all - bad,
    p99: milliseconds(/99%\s+(\S+)/.exec(stdout)?.[1]),
    failed: bad + errors,
  }
}

function milliseconds(text = ''): number {
  const [, number = 'NaN', unit = ''] = /^([\d.]+)(us|ms|s|m)$/.exec(text) ?? []
  return Number(number) * ({ us: 0.001, ms: 1, s: 1000, m: 60_000 }[unit] ?? Number.NaN)
}

function postScript(): string {
  const file = join(tmpdir(), `idm-bench-post-${process.pid}.lua`)
  writeFileSync(file, `wrk.method = "POST"\nwrk.body = [[${BODY}]]\nwrk.headers["content-type"] = "application/json"\n`)
  return file
}

// Others take the name of the generator from this file.
if (process.send) {
  process.on('message', async (round: Round) => {
    process.send?.(WRK ? await byWrk(WRK, round) : await byAutocannon(round))
  })
  console.log('{}')
}
