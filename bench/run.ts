/** `npm run bench -- [scripts | script-prices | workers | abuse | beside [--objects N] | recon [--objects N] [--remote gateway|memory]] [--quick] [--json FILE]`: everything that is claimed about speed, measured in one run. */
import { writeFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { abuse } from './abuse.ts'
import { beside } from './beside.ts'
import { WRK } from './load.ts'
import { memory } from './memory.ts'
import { HAS_NGINX } from './nginx.ts'
import { PINNED } from './process.ts'
import { recon } from './recon.ts'
import { reload, startUp } from './reload.ts'
import { printMemory, printReload, printStart, printThroughput } from './report.ts'
import { scriptPrices } from './script-prices.ts'
import { scripts } from './scripts.ts'
import { Setup } from './setup.ts'
import { type Result, throughput, type Work } from './throughput.ts'
import { workers } from './workers.ts'

const { values, positionals } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    objects: { type: 'string' },
    remote: { type: 'string', default: 'gateway' },
  },
  allowPositionals: true,
})
if (positionals[0] === 'scripts') {
  await scripts()
  process.exit()
}
if (positionals[0] === 'script-prices') {
  await scriptPrices()
  process.exit()
}
if (positionals[0] === 'recon') {
  await recon(Number(values.objects ?? 10_000), values.remote === 'memory' ? 'memory' : 'gateway')
  process.exit()
}
if (positionals[0] === 'beside') {
  process.exit((await beside(Number(values.objects ?? 100_000))) ? 0 : 1)
}
const { quick } = values
if (positionals[0] === 'abuse') {
  await abuse(quick ? 5 : 15)
  process.exit()
}
if (positionals[0] === 'workers') {
  await workers(quick ? 4 : 9, quick ? 1 : 3)
  process.exit()
}

const get: Work = {
  name: 'GET 700 B',
  path: 'small',
  method: 'GET',
  connections: 64,
  scheme: 'http',
  authType: 'basic',
}
const WORK: readonly Work[] = quick
  ? [get]
  : [
      get,
      { ...get, name: 'GET 700 B, 1 connection', connections: 1 },
      { ...get, name: 'GET 700 B, bearer', authType: 'bearer' },
      { ...get, name: 'GET 700 B, https remote', scheme: 'https' },
      { ...get, name: 'POST 2 KB', method: 'POST' },
      { ...get, name: 'GET 200 KB', path: 'large' },
    ]

console.log(
  `Node ${process.version}, ${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, ` +
    `${PINNED ? 'proxy on core 0, load and backend on core 1' : 'not pinned (no taskset): differences below 30 % mean nothing'}`,
)
console.log(`Load by ${WRK ? 'wrk' : 'autocannon'}, remote by ${HAS_NGINX ? 'nginx' : 'Node'}; ours as compiled`)
const setup = await Setup.create()
const results: Result[] = []
try {
  for (const work of WORK) {
    const result = await throughput(setup, work, quick ? 4 : work === get ? 11 : 5, 1)
    results.push(result)
    printThroughput(result)
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
