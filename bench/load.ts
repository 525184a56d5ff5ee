/**
 * The load generator: a process that runs one round per message and sends back what it measured. It writes prepared
 * bytes and reads no more of an answer than its end, so that most of the machine is left for what is measured.
 */
import net from 'node:net'
import { percentile } from './statistics.ts'

export interface Round {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly connections: number
  /** How many requests; or for how many seconds. */
  readonly amount?: number
  readonly seconds?: number
}
export interface Measured {
  /** Requests per second; answers other than 200 do not count. */
  readonly rate: number
  /** How many that were. */
  readonly count: number
  readonly p99: number
  readonly failed: number
}

const BODY = JSON.stringify({ userName: 'bench', description: 'x'.repeat(2000) })
const HEADERS = [
  'x-openidm-username: openidm-admin',
  'x-openidm-password: openidm-admin',
  'accept-api-version: resource=1.0',
]

/** Idle connections by port: a short round does not pay for new ones. */
const idle = new Map<number, Set<net.Socket>>()

async function run({ url, method, connections, amount = Number.POSITIVE_INFINITY, seconds }: Round): Promise<Measured> {
  const { host, port, pathname } = new URL(url)
  const posted = method === 'POST' ? ['content-type: application/json', `content-length: ${BODY.length}`] : []
  const head = [`${method} ${pathname} HTTP/1.1`, `host: ${host}`, ...HEADERS, ...posted].join('\r\n')
  const request = Buffer.from(`${head}\r\n\r\n${method === 'POST' ? BODY : ''}`)
  const pool = idle.get(Number(port)) ?? new Set()
  idle.set(Number(port), pool)
  const begin = performance.now()
  const end = seconds === undefined ? Number.POSITIVE_INFINITY : begin + seconds * 1000
  const latencies: number[] = []
  let [begun, failed] = [0, 0]
  const worker = async () => {
    while (begun < amount && performance.now() < end) {
      begun += 1
      const sent = performance.now()
      const status = await ask(Number(port), pool, request).catch(() => 0)
      if (status === 200) latencies.push(performance.now() - sent)
      else failed += 1
    }
  }
  await Promise.all(Array.from({ length: connections }, worker))
  const count = latencies.length
  return { rate: count / ((performance.now() - begin) / 1000), count, p99: percentile(latencies, 0.99), failed }
}

/** @returns the status */
async function ask(port: number, pool: Set<net.Socket>, request: Buffer): Promise<number> {
  const [kept] = pool
  const socket =
    kept ??
    net
      .connect(port, '127.0.0.1')
      .setNoDelay()
      .on('close', () => pool.delete(socket))
  pool.delete(socket)
  try {
    const { status, isLast } = await exchange(socket, request)
    if (isLast) socket.destroy()
    else pool.add(socket)
    return status
  } catch (error) {
    socket.destroy()
    // The server may have closed an idle connection at the same moment.
    if (kept) return ask(port, pool, request)
    throw error
  }
}

interface Answer {
  readonly status: number
  /** The connection closes after it. */
  readonly isLast: boolean
}

/** Resolves once the body has ended: by its length, or by the last chunk. */
function exchange(socket: net.Socket, request: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let head = ''
    let missing: number | undefined
    const onData = (data: Buffer) => {
      if (missing !== undefined) missing -= data.length
      else {
        head += data.latin1Slice()
        const body = head.indexOf('\r\n\r\n') + 4
        if (body < 4) return
        const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
        if (length !== undefined) missing = Number(length) - (head.length - body)
      }
      const isWhole = missing === undefined ? data.subarray(-5).latin1Slice() === '0\r\n\r\n' : missing <= 0
      if (!isWhole) return
      settle()
      resolve({ status: Number(head.slice(9, 12)), isLast: /\r\nconnection: *close/i.test(head) })
    }
    const onEnd = () => {
      settle()
      reject(new Error('The connection ended before the answer'))
    }
    const settle = () => socket.off('data', onData).off('error', onEnd).off('close', onEnd)
    socket.on('data', onData).on('error', onEnd).on('close', onEnd)
    socket.write(request)
  })
}

process.on('message', async (round: Round) => process.send?.(await run(round)))
console.log('{}')
