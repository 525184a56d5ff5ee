/**
 * `PG_URL=postgresql://… npm run bench -- shared-runs [--objects N] [--ms N] [--blocks N]`: a reconciliation that creates N
 * objects in a remote whose writes take some milliseconds, by one worker and by two that share it, in the order one, two,
 * two, one. Prints the time of each run and two ÷ one, and fails below 1.6 or when an object is there twice or lacking.
 * `--gateways 2`: one run that two gateways with two workers each share, without a comparison.
 */
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKey } from '../lib/config/values/crypto/crypto.ts'
import { migratePostgres } from '../lib/repo/postgres/migrate.ts'
import { buildGateway } from './built-gateway.ts'
import { ADMIN, send, startGateway } from './gateway.ts'
import { type Running, start } from './process.ts'
import { MAPPING } from './recon-remotes.ts'

const MIN_RATIO = 1.6
/** It stays on the server. */
const SCHEMA = `openidm_bench_${Date.now()}`
const ORDER = ['one', 'two', 'two', 'one'] as const

type Workers = (typeof ORDER)[number]

interface ShownRun {
  readonly _id: string
  readonly state: string
  readonly stageDescription: string
  readonly duration: number
  readonly sourceProcessedByNode: Readonly<Record<string, number>>
}

/** @param ms how long a write takes @returns whether the ratio and the counts are as they should be */
export async function sharedRuns(objects: number, ms: number, blocks: number, gateways: number): Promise<boolean> {
  const url = process.env.PG_URL
  if (url === undefined) throw new Error('PG_URL names the server: postgresql://user:password@host:port/database')
  const folder = await mkdtemp(join(tmpdir(), 'idm-shared-'))
  const turns: Workers[] = gateways > 1 ? ['two'] : Array.from({ length: blocks }, () => ORDER).flat()
  const remotes: Running[] = []
  try {
    await migratePostgres({ url, schema: SCHEMA })
    for (const _ of turns)
      remotes.push(await start('resume-remote.ts', '0,1', { OBJECTS: String(objects), MS: String(ms) }))
    const project = join(folder, 'project')
    await prepare(project, remotes, turns)
    const env = { OPENIDM_REPO_URL: `${url}?schema=${SCHEMA}` }
    const dist = buildGateway(folder)
    const running: Running[] = []
    try {
      for (let number = 1; number <= gateways; number++) {
        const copy = `${project}-${number}`
        await cp(project, copy, { recursive: true })
        running.push(
          await startGateway({ ...{ project: copy, dist, env, workers: 2 }, logLevel: 'error', hasProbe: false }),
        )
      }
      console.log(`\n${objects} objects created in a remote whose writes take ${ms} ms\n`)
      const [gateway] = running
      return gateway !== undefined && (await measure(gateway, turns, remotes, objects))
    } finally {
      for (const one of running) await one.stop()
    }
  } finally {
    for (const remote of remotes) await remote.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** A mapping for each run, with a remote of its own: all runs do the same work. */
async function prepare(project: string, remotes: readonly Running[], turns: readonly Workers[]): Promise<void> {
  const conf = join(project, 'conf')
  await mkdir(conf, { recursive: true })
  await mkdir(join(project, 'security'))
  await writeFile(join(project, 'security/crypto.keys'), `${generateKey('bench')}\n`, { mode: 0o600 })
  const mappings = turns.map((workers, index) => ({
    ...{ ...MAPPING, name: `m${index}-${Date.now()}`, clusteredSourceReconEnabled: workers === 'two' },
    source: `external/idm/r${index}/managed/user`,
    target: `external/idm/r${index}/managed/alpha_user`,
  }))
  await writeFile(join(conf, 'sync.json'), JSON.stringify({ mappings }))
  for (const [index, { ready }] of remotes.entries()) {
    const instance = { authType: 'basic', instanceUrl: `http://127.0.0.1:${ready.port}/openidm/` }
    const content = JSON.stringify({ ...instance, userName: 'bench', password: 'bench' })
    await writeFile(join(conf, `external.idm-r${index}.json`), content)
  }
}

async function measure(
  gateway: Running,
  turns: readonly Workers[],
  remotes: readonly Running[],
  objects: number,
): Promise<boolean> {
  const sums = { one: 0, two: 0 }
  const agent = new http.Agent()
  const names = (await ask<{ mappings: { name: string }[] }>(gateway, agent, 'GET', 'config/sync')).mappings
  let isRight = true
  for (const [index, workers] of turns.entries()) {
    const path = `recon?_action=recon&waitForCompletion=true&mapping=${names[index]?.name}`
    const { _id } = await ask<ShownRun>(gateway, agent, 'POST', path)
    const run = await ask<ShownRun>(gateway, agent, 'GET', `recon/${_id}`)
    if (run.state !== 'SUCCESS') throw new Error(run.stageDescription)
    const control = await fetch(`http://127.0.0.1:${remotes[index]?.ready.port}/openidm/control`)
    const { created, duplicates } = (await control.json()) as { created: number; duplicates: number }
    isRight &&= created === objects && duplicates === 0
    sums[workers] += run.duration
    const seconds = (run.duration / 1000).toFixed(1).padStart(6)
    console.log(`  ${workers}  ${seconds} s  ${created} objects  ${JSON.stringify(run.sourceProcessedByNode)}`)
  }
  if (sums.one === 0) return isRight
  const ratio = sums.one / sums.two
  const holds = isRight && ratio >= MIN_RATIO
  console.log(`\n  two ÷ one: ${ratio.toFixed(2)} (goal: ${MIN_RATIO}): ${holds ? 'holds' : 'MISSED'}`)
  return holds
}

async function ask<T>({ ready }: Running, agent: http.Agent, method: 'GET' | 'POST', path: string): Promise<T> {
  const { status, text } = await send(agent, ready.port ?? 0, { method, path, headers: ADMIN })
  if (status !== 200) throw new Error(text)
  return JSON.parse(text) as T
}
