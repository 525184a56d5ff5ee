/**
 * `npm run bench [-- NAME] [--quick] [--blocks N] [--json FILE]`: what is claimed about speed. NAME is one of
 * scripts, script-prices, workers, abuse,
 * beside [--objects N],
 * resume [--objects N],
 * recon [--objects N] [--remote gateway|memory],
 * undo [--objects N],
 * shared-runs [--objects N] [--ms N] [--blocks N] [--gateways N],
 * queue [--events N], queue-beside [--seconds N],
 * capture [--blocks N],
 * compare --base DIR|REVISION [--only gateway|express|recon|start] [--objects N] [--extra MICROSECONDS].
 */
import { writeFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { abuse } from './abuse.ts'
import { beside } from './beside.ts'
import { capture } from './capture.ts'
import { compare } from './compare.ts'
import { memory } from './memory.ts'
import { HAS_NGINX } from './nginx.ts'
import { PINNED } from './process.ts'
import { queue } from './queue.ts'
import { queueBeside } from './queue-beside.ts'
import { recon } from './recon.ts'
import { reload, startUp } from './reload.ts'
import { printMemory, printReload, printStart, printThroughput } from './report.ts'
import { resume } from './resume.ts'
import { scriptPrices } from './script-prices.ts'
import { scripts } from './scripts.ts'
import { Setup } from './setup.ts'
import { sharedRuns } from './shared-runs.ts'
import { GET, throughput, type Work } from './throughput.ts'
import { undo } from './undo.ts'
import { workers } from './workers.ts'

const { values, positionals } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    objects: { type: 'string' },
    events: { type: 'string' },
    seconds: { type: 'string' },
    remote: { type: 'string', default: 'gateway' },
    base: { type: 'string', default: 'HEAD' },
    only: { type: 'string' },
    blocks: { type: 'string' },
    extra: { type: 'string', default: '0' },
    ms: { type: 'string', default: '20' },
    gateways: { type: 'string', default: '1' },
  },
  allowPositionals: true,
})
const { quick, base, only } = values
const objects = (usual: number) => Number(values.objects ?? usual)
const maxBlocks = (usual: number) => Number(values.blocks ?? (quick ? 2 : usual))

const WORK: readonly Work[] = quick
  ? [GET]
  : [
      GET,
      { ...GET, name: 'GET 700 B, 1 connection', connections: 1, requests: 125 },
      { ...GET, name: 'GET 700 B, bearer', authType: 'bearer' },
      { ...GET, name: 'GET 700 B, https remote', scheme: 'https' },
      { ...GET, name: 'POST 2 KB', method: 'POST' },
      { ...GET, name: 'GET 200 KB', path: 'large', requests: 75 },
    ]

async function everything(): Promise<void> {
  const setup = await Setup.create()
  try {
    const results: object[] = []
    for (const work of WORK) {
      const comparison = await throughput(setup, work, maxBlocks(4))
      results.push({ work, rows: Object.fromEntries(comparison) })
      printThroughput(work, comparison)
    }
    const memoryRows = await memory(setup, quick ? 3 : 8)
    printMemory(memoryRows)
    const reloaded = await reload(setup, 100)
    printReload(reloaded)
    const started = await startUp(setup)
    printStart(started)
    if (values.json) {
      const report = { node: process.version, date: new Date().toISOString(), results, memoryRows, reloaded, started }
      await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`)
    }
  } finally {
    await setup.close()
  }
}

const BENCHMARKS: Readonly<Record<string, () => Promise<unknown>>> = {
  '': everything,
  scripts,
  'script-prices': scriptPrices,
  workers: () => workers(maxBlocks(9)),
  abuse: () => abuse(quick ? 5 : 15),
  beside: () => beside(objects(100_000)),
  queue: () => queue(Number(values.events ?? 100_000)),
  'queue-beside': () => queueBeside(Number(values.seconds ?? 20)),
  capture: () => capture(maxBlocks(9)),
  resume: () => resume(objects(100_000)),
  recon: () => recon(objects(10_000), values.remote === 'memory' ? 'memory' : 'gateway', maxBlocks(10)),
  undo: () => undo(objects(20_000), maxBlocks(4)),
  'shared-runs': () => sharedRuns(objects(10_000), Number(values.ms), maxBlocks(1), Number(values.gateways)),
  compare: () =>
    compare({ base, only, maxBlocks: maxBlocks(30), objects: objects(10_000), extra: Number(values.extra) }),
}

const benchmark = BENCHMARKS[positionals[0] ?? '']
if (!benchmark) throw new Error(`Benchmarks: ${Object.keys(BENCHMARKS).join(' ')}`)
console.log(
  `Node ${process.version}, ${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, ` +
    `${PINNED ? 'proxy on core 0, load and remote on core 1' : 'not pinned (no taskset)'}, ` +
    `remote by ${HAS_NGINX ? 'nginx' : 'Node'}; ours as compiled`,
)
process.exit((await benchmark()) === false ? 1 : 0)
