/** Peak memory of the proxies over idle while four slow clients each read 64 MB. */
import http from 'node:http'
import { CONTENDERS } from './contenders.ts'
import { type Running, residentBytes, start } from './process.ts'
import type { Setup } from './setup.ts'

export interface MemoryRow {
  readonly contender: string
  readonly megabytes: number
}

const CLIENTS = 4
const BYTES = 64 * 1024 * 1024
const SECONDS = 12
const NAMES: readonly string[] = ['raw Node relay', 'ours in Express 5', 'ours in the reference gateway']

export async function memory(setup: Setup): Promise<MemoryRow[]> {
  const environment = await setup.environment('http', 'basic')
  const rows: MemoryRow[] = []
  for (const { name, file, env } of CONTENDERS.filter(({ name }) => NAMES.includes(name))) {
    const process = await start(`contenders/${file}`, 0, { ...environment, ...env?.({ project: setup.project }) })
    try {
      rows.push({ contender: name, megabytes: (await peakOverIdle(process)) / 1024 / 1024 })
    } finally {
      await process.stop()
    }
  }
  return rows
}

async function peakOverIdle({ ready, child }: Running): Promise<number> {
  const url = `http://127.0.0.1:${ready.port}/openidm/external/idm/bench/managed/`
  // The first requests grow the heap once and for all; what is asked is what large bodies add.
  for (let i = 0; i < 200; i++) await slowly(`${url}small`, 1e9)
  const idle = residentBytes(child.pid)
  let peak = idle
  const timer = setInterval(() => {
    peak = Math.max(peak, residentBytes(child.pid))
  }, 20)
  await Promise.all(Array.from({ length: CLIENTS }, () => slowly(`${url}endless`, BYTES / SECONDS)))
  clearInterval(timer)
  return peak - idle
}

/** Reads the answer at no more than `rate` bytes per second. */
function slowly(url: string, rate: number): Promise<void> {
  const headers = { 'x-openidm-username': 'openidm-admin', 'x-openidm-password': 'openidm-admin' }
  return new Promise((resolve, reject) => {
    const began = performance.now()
    let bytes = 0
    const request = http.get(url, { headers, agent: false }, (response) => {
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
