/**
 * `npm run bench -- recon [--objects N] [--remote gateway|memory]`: reconciliation of two remotes, against a bare client
 * that fetches the same pages and writes the same objects. Both on the same core, the remotes on another.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compareVariants, ratioText } from './abba.ts'
import { buildGateway } from './built-gateway.ts'
import { RECON_METRICS, ReconSides, type RemoteKind } from './recon-sides.ts'

const KINDS = { memory: 'in memory', gateway: 'gateways of ours' } as const

/** With more objects than this one block has to do: it is long, and its length evens the noise out. */
const MANY = 50_000

export async function recon(objects: number, kind: RemoteKind, maxBlocks: number): Promise<void> {
  const built = await mkdtemp(join(tmpdir(), 'idm-recon-built-'))
  const dist = buildGateway(built)
  const sides = await ReconSides.start(kind, objects, dist)
  try {
    console.log(`\nReconciliation of ${objects} objects of two remotes (${KINDS[kind]}), against a bare client\n`)
    console.log('               by processor                  by time   µs/object   bare')
    const blocks = objects > MANY ? { minBlocks: 1, maxBlocks: 1 } : { minBlocks: 3, maxBlocks }
    const metrics = RECON_METRICS
    const comparison = await compareVariants(sides.bare(), [sides.gateway('gateway', dist)], { metrics, ...blocks })
    const [bare = {}, ours = {}] = comparison.values()
    for (const metric of metrics) {
      const [cpu, time] = [ours[metric], ours[`${metric} time`]]
      if (!cpu || !time) continue
      const cells = [time.ratio.toFixed(2).padStart(7), cpu.median.toFixed(0).padStart(11)]
      cells.push((bare[metric]?.median ?? 0).toFixed(0).padStart(6))
      console.log(`  ${metric.padEnd(12)} ${ratioText(cpu).padEnd(29)} ${cells.join(' ')}`)
    }
    const megabytes = (metric: string) => `${ours[metric]?.median.toFixed(0)} MB`
    console.log(
      `\n  Resident memory of the gateway: ${megabytes('megabytes')} at most, ${megabytes('atRest')} at rest.`,
    )
  } finally {
    await sides.close()
    await rm(built, { recursive: true, force: true })
  }
}
