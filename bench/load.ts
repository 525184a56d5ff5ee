/** The load generator: a process that runs one round per message and sends back what it measured. */
import autocannon from 'autocannon'

export interface Round {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly connections: number
  /** How many requests; or for how many seconds. */
  readonly amount?: number
  readonly seconds?: number
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

async function run({ url, method, connections, amount, seconds }: Round): Promise<Measured> {
  const posted = method === 'POST' ? { body: BODY, headers: { ...HEADERS, 'content-type': 'application/json' } } : {}
  const extent = amount === undefined ? { duration: seconds } : { amount }
  const begin = performance.now()
  const result = await autocannon({ url, method, connections, ...extent, headers: HEADERS, ...posted })
  const took = (performance.now() - begin) / 1000
  const failed = result.non2xx + result.errors + result.timeouts
  return { rate: result['2xx'] / took, count: result['2xx'], p99: result.latency.p99, failed }
}

process.on('message', async (round: Round) => process.send?.(await run(round)))
console.log('{}')
