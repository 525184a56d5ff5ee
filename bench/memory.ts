/** Peak memory of the proxies over idle while four slow clients each read 64 MB. */
import http from 'node:http'
import { CONTENDERS, OURS_IN_EXPRESS, OURS_IN_GATEWAY, REFERENCE } from './contenders.ts'
import { ADMIN } from './gateway.ts'
import { answerOf, type Running, residentBytes } from './process.ts'
import type { Setup } from './setup.ts'

/** In megabytes, over what the process had at rest before. */
export interface MemoryRow {
  readonly contender: string
  /** Resident memory at most, the first time that the process sees large bodies. */
  readonly first: number
  /** The same the second time: what it then keeps for itself it has already. */
  readonly again: number
  /** What is needed while the bodies are under way: heap and buffers right after a collection of garbage. */
  readonly needed: number
}

const CLIENTS = 4
const BYTES = 64 * 1024 * 1024
const NAMES: readonly string[] = [REFERENCE, OURS_IN_EXPRESS, OURS_IN_GATEWAY]

/** @param seconds that the bodies take, each time */
export async function memory(setup: Setup, seconds: number): Promise<MemoryRow[]> {
  const environment = await setup.environment('http', 'basic')
  const rows: MemoryRow[] = []
  for (const { name, start } of CONTENDERS.filter(({ name }) => NAMES.includes(name))) {
    const process = await start(environment)
    try {
      rows.push({ contender: name, ...(await measure(process, seconds)) })
    } finally {
      await process.stop()
    }
  }
  return rows
}

async function measure(running: Running, seconds: number): Promise<Omit<MemoryRow, 'contender'>> {
  const url = `http://127.0.0.1:${running.ready.port}/openidm/external/idm/bench/managed/`
  // The first requests grow the heap once and for all; what is asked is what large bodies add.
  for (let i = 0; i < 200; i++) await slowly(`${url}small`, 1e9)
  const first = await peakOverIdle(running, url, seconds)
  const again = await peakOverIdle(running, url, seconds)
  const idle = await neededBytes(running)
  const bodies = readAll(url, seconds)
  await new Promise((next) => setTimeout(next, (seconds * 1000) / 2))
  const needed = (await neededBytes(running)) - idle
  await bodies
  return { first: first / MB, again: again / MB, needed: needed / MB }
}

const MB = 1024 * 1024

async function peakOverIdle({ child }: Running, url: string, seconds: number): Promise<number> {
  const idle = residentBytes(child.pid)
  let peak = idle
  const timer = setInterval(() => {
    peak = Math.max(peak, residentBytes(child.pid))
  }, 20)
  await readAll(url, seconds)
  clearInterval(timer)
  return peak - idle
}

const readAll = (url: string, seconds: number) =>
  Promise.all(Array.from({ length: CLIENTS }, () => slowly(`${url}endless`, BYTES / seconds)))

/** The least of a few looks: buffers are given back a moment after the collection that found them. */
export async function neededBytes({ child }: Running): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let look = 0; look < 4; look++) {
    least = Math.min(least, await answerOf<number>(child, 'needed'))
    await new Promise((next) => setTimeout(next, 50))
  }
  return least
}

/** Reads the answer at no more than `rate` bytes per second. */
function slowly(url: string, rate: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const began = performance.now()
    let bytes = 0
    const request = http.get(url, { headers: ADMIN, agent: false }, (response) => {
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        const ahead = (bytes / rate) * 1000 - (performance.now() - began)
        if (ahead < 1) return
        response.pause()
        setTimeout(() => response.resume(), ahead)
      })
      response.on('end', resolve)
      response.on('error', reject)
    })
    request.on('error', reject)
  })
}
