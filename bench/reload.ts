/** From the moment a file is in place to the first good answer, and what a thousand instances cost. */
import { spawn } from 'node:child_process'
import { rename, rm } from 'node:fs/promises'
import http from 'node:http'
import { join } from 'node:path'
import { ADMIN, startGateway } from './gateway.ts'
import { neededBytes } from './memory.ts'
import { firstLine, stop } from './process.ts'
import type { Setup } from './setup.ts'
import { median, percentile } from './statistics.ts'
import { processorMs } from './usage.ts'

export interface ReloadResult {
  readonly p50: number
  readonly p99: number
  readonly count: number
}
export interface StartResult {
  readonly emptyMs: number
  readonly filledMs: number
  readonly bytesPerInstance: number
}

const INSTANCES = 1000

/** Milliseconds, over `count` new files one after the other. */
export async function reload(setup: Setup, count: number): Promise<ReloadResult> {
  const { TARGET = '' } = await setup.environment('http', 'basic')
  const gateway = await startGateway({ dist: setup.dist, project: setup.project, core: 0 })
  const times: number[] = []
  try {
    for (let i = 0; i < count; i++) times.push(await untilAnswered(setup, TARGET, gateway.ready.port ?? 0, `r${i}`))
  } finally {
    await gateway.stop()
    for (let i = 0; i < count; i++) await rm(join(setup.project, 'conf', `external.idm-r${i}.json`), { force: true })
  }
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99), count }
}

async function untilAnswered(setup: Setup, origin: string, port: number, name: string): Promise<number> {
  await setup.writeInstance(`new-${name}`, origin)
  const file = (prefix: string) => join(setup.project, 'conf', `external.idm-${prefix}${name}.json`)
  await rename(file('new-'), file(''))
  const began = performance.now()
  while ((await statusOf(port, name)) !== 200)
    if (performance.now() - began > 10_000) throw new Error(`${name} never answered`)
  return performance.now() - began
}

function statusOf(port: number, name: string): Promise<number> {
  const path = `/openidm/external/idm/${name}/managed/small`
  return new Promise((resolve, reject) => {
    const request = http.get({ host: '127.0.0.1', port, path, headers: ADMIN }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0))
    })
    request.on('error', reject)
  })
}

/**
 * Start to listening with one and with a thousand instances, as users start it, and the memory that one of them costs
 * when all garbage is collected. The first start, which has nothing compiled yet, is not counted.
 */
export async function startUp(setup: Setup): Promise<StartResult> {
  const { TARGET = '' } = await setup.environment('http', 'basic')
  await timedStart(setup.dist, setup.project)
  const few = await starts(setup)
  const bytes = await atRest(setup)
  for (let i = 0; i < INSTANCES; i++) await setup.writeInstance(`n${i}`, TARGET)
  try {
    const many = await starts(setup)
    const bytesPerInstance = ((await atRest(setup)) - bytes) / INSTANCES
    return { emptyMs: few, filledMs: many, bytesPerInstance }
  } finally {
    for (let i = 0; i < INSTANCES; i++) await rm(join(setup.project, 'conf', `external.idm-n${i}.json`))
  }
}

const STARTS = 5

async function starts(setup: Setup): Promise<number> {
  const all: number[] = []
  for (let i = 0; i < STARTS; i++) all.push((await timedStart(setup.dist, setup.project)).time)
  return median(all)
}

async function atRest(setup: Setup): Promise<number> {
  const gateway = await startGateway({ dist: setup.dist, project: setup.project, core: 0 })
  const bytes = await neededBytes(gateway)
  await gateway.stop()
  return bytes
}

/** One start as users do it, in milliseconds: by the clock from spawn to listening, and of the processor. */
export async function timedStart(
  dist: string,
  project: string,
): Promise<{ readonly time: number; readonly cpu: number }> {
  const began = performance.now()
  const args = [join(dist, 'bin.js'), 'start', '--project', project, '--port', '0']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  await firstLine(child)
  const time = performance.now() - began
  const cpu = processorMs(child.pid)
  await stop(child, 'SIGTERM')
  return { time, cpu }
}
