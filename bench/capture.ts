/**
 * `npm run bench -- capture [--blocks N]`: what a mapping with `captureChanges` costs the proxied requests that it does not
 * capture, against the same gateway without a mapping.
 */
import { writeFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { compareVariants, ratioText, type Variant } from './abba.ts'
import { startGateway } from './gateway.ts'
import { copyProject, Setup } from './setup.ts'
import { GET, proxyVariant, type Work } from './throughput.ts'

const MAPPING = {
  ...{ name: 'm', source: 'external/idm/bench/managed/user', target: 'managed/user', captureChanges: true },
  properties: [{ source: 'userName', target: 'userName' }],
}

const WORK: readonly Work[] = [
  { ...GET, name: 'GET of the instance' },
  { ...GET, name: 'POST to another collection', method: 'POST' },
]

export async function capture(maxBlocks: number): Promise<void> {
  const setup = await Setup.create()
  try {
    const environment = await setup.environment('http', 'basic')
    console.log('\nWith a mapping that captures changes, against none: work per cost, more is better')
    for (const work of WORK) {
      const variant = (name: string, files: Readonly<Record<string, object>>): Variant =>
        proxyVariant(setup, environment, { name, start: () => started(setup, files) }, work)
      const plain = variant('plain', {})
      const captured = variant('captured', { 'sync.json': { mappings: [MAPPING] }, 'gateway.json': { live: true } })
      const limits = { minBlocks: Math.min(5, maxBlocks), maxBlocks }
      const comparison = await compareVariants(plain, [captured], { metrics: ['cpu'], rounds: 8, ...limits })
      const [before, after] = [comparison.get('plain')?.cpu, comparison.get('captured')?.cpu]
      if (!before || !after) continue
      const load = loadavg().map((value) => value.toFixed(1))
      console.log(
        `  ${work.name.padEnd(28)} ratio ${ratioText(after)} (${before.median.toFixed(0)} -> ${after.median.toFixed(0)} µs), load ${load.join(' ')}`,
      )
    }
  } finally {
    await setup.close()
  }
}

async function started(setup: Setup, files: Readonly<Record<string, object>>) {
  const project = await copyProject(setup.project)
  for (const [name, content] of Object.entries(files))
    await writeFile(join(project, 'conf', name), JSON.stringify(content))
  return startGateway({ project, dist: setup.dist, core: 0, logLevel: 'error' })
}
