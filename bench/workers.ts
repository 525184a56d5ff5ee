/** `npm run bench -- workers`: the reference gateway with two workers against one with one. */
import { compareVariants, ratioText, type Variant } from './abba.ts'
import { startGateway } from './gateway.ts'
import { familyMs } from './process.ts'
import { copyProject, Setup } from './setup.ts'

const REQUESTS = 8000

export async function workers(maxBlocks: number): Promise<void> {
  const setup = await Setup.create()
  try {
    await setup.environment('http', 'basic')
    const options = { metrics: ['time'], minBlocks: 3, maxBlocks }
    const comparison = await compareVariants(variant(setup, 1), [variant(setup, 2)], options)
    const [one, two] = comparison.values()
    console.log('\nGET 700 B (64 connections), gateway, load and remote on all cores')
    for (const [name, metric] of [
      ['by time', 'time'],
      ['by processor', 'cpu'],
    ] as const) {
      if (!one?.[metric] || !two?.[metric]) continue
      const medians = `${one[metric].median.toFixed(0)} -> ${two[metric].median.toFixed(0)} µs per request`
      console.log(`  two ÷ one ${name}: ${ratioText(two[metric])} (${medians})`)
    }
  } finally {
    await setup.close()
  }
}

/** Not tied to a core: two workers are to use what is there. */
function variant(setup: Setup, workers: number): Variant {
  return {
    name: String(workers),
    async start() {
      const { child, ready, stop } = await startGateway({
        dist: setup.dist,
        project: await copyProject(setup.project),
        workers,
      })
      const url = `http://127.0.0.1:${ready.port}/openidm/external/idm/bench/managed/small`
      const measure = async () => {
        const before = familyMs(child.pid)
        const { rate, count, failed } = await setup.load({ url, method: 'GET', connections: 64, amount: REQUESTS })
        if (failed > 0) console.log(`${failed} requests failed`)
        return { time: 1e6 / rate, cpu: ((familyMs(child.pid) - before) * 1000) / count }
      }
      await measure()
      return { measure, stop }
    },
  }
}
