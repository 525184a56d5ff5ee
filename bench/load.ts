/** The load generator: a process that runs one autocannon round per message and sends back what it measured. */
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
  readonly p99: number
  readonly failed: number
}

const BODY = JSON.stringify({ userName: 'bench', description: 'x'.repeat(2000) })
const HEADERS = {
  'x-openidm-username': 'openidm-admin',
  'x-openidm-password': 'openidm-admin',
  'accept-api-version': 'resource=1.0',
}

process.on('message', async ({ url, method, connections, seconds }: Round) => {
  const posted = method === 'POST' ? { body: BODY, headers: { ...HEADERS, 'content-type': 'application/json' } } : {}
  const result = await autocannon({ url, method, connections, duration: seconds, headers: HEADERS, ...posted })
  const failed = result.non2xx + result.errors + result.timeouts
  process.send?.({ rate: result['2xx'] / result.duration, p99: result.latency.p99, failed } satisfies Measured)
})
console.log('{}')
