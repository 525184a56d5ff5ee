/**
 * `npm run bench -- undo [--objects N] [--blocks N]`: what it costs that a run can be undone. The same run with `keepBefore`
 * and without: it creates all targets, then updates them.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Costs, compareVariants, ratioText, type Variant } from './abba.ts'
import { buildGateway } from './built-gateway.ts'
import { reconcile, startGateway } from './gateway.ts'
import { cpuMs } from './process.ts'
import { MAPPING, memoryRemote, type Remote } from './recon-remotes.ts'

/** Processor time of an object in microseconds, and bytes of the database for each. */
const METRICS = ['create', 'update', 'bytes after create', 'bytes after update'] as const

interface Parts {
  readonly folder: string
  readonly dist: string
  readonly remote: Remote
  readonly objects: number
}

export async function undo(objects: number, maxBlocks: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'idm-undo-'))
  const remote = await memoryRemote()
  try {
    const parts = { folder, dist: buildGateway(folder), remote, objects }
    console.log(`\nRuns over ${objects} objects that can be undone, against runs with "keepBefore": false\n`)
    const variants = [variant(parts, true)]
    const comparison = await compareVariants(variant(parts, false), variants, {
      metrics: METRICS,
      minBlocks: Math.min(2, maxBlocks),
      maxBlocks,
    })
    const [without = {}, kept = {}] = comparison.values()
    for (const metric of METRICS) {
      const costs = kept[metric]
      if (costs)
        console.log(
          `  ${metric.padEnd(20)} ${ratioText(costs).padEnd(30)} ${costs.median.toFixed(0)} against ${(without[metric]?.median ?? 0).toFixed(0)}`,
        )
    }
  } finally {
    await remote.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

function variant(parts: Parts, keepBefore: boolean): Variant {
  const name = keepBefore ? 'keepBefore' : 'without'
  return { name, start: async () => ({ measure: () => measure(parts, keepBefore), stop: async () => undefined }) }
}

let projects = 0

async function measure({ folder, dist, remote, objects }: Parts, keepBefore: boolean): Promise<Costs> {
  projects += 1
  const project = join(folder, `project-${projects}`)
  await mkdir(join(project, 'conf'), { recursive: true })
  const access = { userName: 'openidm-admin', password: 'openidm-admin' }
  const instance = { authType: 'basic', instanceUrl: `${remote.origin}/openidm/`, ...access }
  for (const one of ['a', 'b'])
    await writeFile(join(project, 'conf', `external.idm-${one}.json`), JSON.stringify(instance))
  await remote.prepare({ fill: objects })
  const created = await run({ project, dist, objects }, { ...MAPPING, keepBefore })
  // Each target gets a field that it does not have.
  const properties = [...MAPPING.properties, { target: 'note', default: 'a text that all targets get' }]
  const updated = await run({ project, dist, objects }, { ...MAPPING, keepBefore, properties })
  return {
    ...{ create: created.cpu, update: updated.cpu },
    ...{ 'bytes after create': created.bytes, 'bytes after update': updated.bytes },
  }
}

async function run(
  { project, dist, objects }: Pick<Parts, 'dist' | 'objects'> & { readonly project: string },
  mapping: object,
) {
  await writeFile(join(project, 'conf', 'sync.json'), JSON.stringify({ mappings: [mapping] }))
  const running = await startGateway({ project, dist, core: 0, logLevel: 'error' })
  try {
    const before = await cpuMs(running.child)
    await reconcile(running)
    const cpu = (((await cpuMs(running.child)) - before) * 1000) / objects
    await running.stop()
    return { cpu, bytes: usedBytes(join(project, 'db', 'openidm.db')) / objects }
  } finally {
    await running.stop()
  }
}

/** Without pages that are free. */
function usedBytes(file: string): number {
  const database = new DatabaseSync(file)
  const value = (name: string) => Number(Object.values(database.prepare(`pragma ${name}`).get() ?? {})[0])
  const bytes = (value('page_count') - value('freelist_count')) * value('page_size')
  database.close()
  return bytes
}
