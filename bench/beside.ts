/**
 * `npm run bench -- beside [--objects N]`: what a reconciliation of local objects costs those who proxy through the
 * same gateway. Delay of its event loop and of proxied requests, idle and beside each run.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import http from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Felt, feel, reconcile, startGateway } from './gateway.ts'
import type { Running } from './process.ts'
import { fillUsers, MANAGED, MAPPING } from './recon-remotes.ts'
import { Setup } from './setup.ts'
import { percentile } from './statistics.ts'

/** p99 of the event loop delay, over that of the idle gateway in the same run. */
const MAX_EXTRA_LOOP_MS = 20
const IDLE_SECONDS = 15

// Writes to the source, with which the benchmark begins, are not synchronised.
const LOCAL = { ...MAPPING, source: 'managed/user', target: 'managed/alpha_user', enableSync: false }

/** @returns whether the delay stays below the limit */
export async function beside(objects: number): Promise<boolean> {
  const setup = await Setup.create()
  const agent = new http.Agent({ keepAlive: true, maxSockets: 200 })
  let gateway: Running | undefined
  try {
    await setup.environment('http', 'basic')
    const conf = (name: string, content: object) =>
      writeFile(join(setup.project, 'conf', name), JSON.stringify(content))
    await mkdir(join(setup.project, 'conf'), { recursive: true })
    await conf('managed.json', MANAGED)
    await conf('sync.json', { mappings: [LOCAL] })
    gateway = await startGateway({ dist: setup.dist, project: setup.project, logLevel: 'error' })
    await fillUsers(gateway.ready.port ?? 0, objects)
    console.log(
      `\n${objects} local objects reconciled with local ones (SQLite), beside proxied requests, 50 per second`,
    )
    console.log('                  seconds   loop p99 ms       max   calls p99 ms   failed')
    const measure = async (name: string, work: Promise<unknown>) => {
      const begin = performance.now()
      const felt = await feel(gateway as Running, agent, work)
      print(name, (performance.now() - begin) / 1000, felt)
      return felt
    }
    const idle = await measure('idle', delay(IDLE_SECONDS * 1000))
    const runs = [await measure('create', reconcile(gateway)), await measure('unchanged', reconcile(gateway))]
    const extra = Math.max(...runs.map(({ loopP99 }) => loopP99)) - idle.loopP99
    const holds = extra <= MAX_EXTRA_LOOP_MS
    console.log(
      `  p99 of the loop beside a run − idle: ${extra.toFixed(1)} ms, ${holds ? 'holds' : 'MISSED'} (at most ${MAX_EXTRA_LOOP_MS} ms)`,
    )
    return holds
  } finally {
    agent.destroy()
    await gateway?.stop()
    await setup.close()
  }
}

function print(name: string, seconds: number, { loopP99, loopMax, latencies, failed }: Felt): void {
  const cells = [
    seconds.toFixed(1).padStart(9),
    loopP99.toFixed(1).padStart(13),
    loopMax.toFixed(1).padStart(9),
    percentile(latencies, 0.99).toFixed(1).padStart(14),
    String(failed).padStart(8),
  ]
  console.log(`  ${name.padEnd(14)}${cells.join(' ')}`)
}
