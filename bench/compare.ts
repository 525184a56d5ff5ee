/**
 * `npm run bench -- compare --base DIR|REVISION [--only gateway|express|recon|start] [--blocks N] [--objects N]`: processor time of
 * proxied requests, of reconciliation, and of the start, against another checkout of this project. With `--base .` it
 * compares a checkout with itself; `--extra N` adds N microseconds to each of its requests.
 */
import { type AbbaOptions, compareVariants, ratioText, type Variant } from './abba.ts'
import { buildBase } from './checkout.ts'
import { CONTENDERS, type Contender, OURS_IN_EXPRESS, OURS_IN_GATEWAY } from './contenders.ts'
import { RECON_METRICS, ReconSides } from './recon-sides.ts'
import { timedStart } from './reload.ts'
import { copyProject, Setup } from './setup.ts'
import { GET, proxyVariant } from './throughput.ts'

export interface CompareOptions {
  readonly base: string
  readonly only: string | undefined
  readonly maxBlocks: number
  readonly objects: number
  readonly extra: number
}

export async function compare({ base, only, maxBlocks, objects, extra }: CompareOptions): Promise<void> {
  const setup = await Setup.create()
  try {
    const dists = { base: buildBase(base, setup.project), head: setup.dist }
    console.log(`\nThis checkout against ${base}: work per cost, more is better, 95 % interval over blocks`)
    const limits = { minBlocks: Math.min(5, maxBlocks), maxBlocks }
    const parts: Readonly<Record<string, () => Promise<void>>> = {
      gateway: () => compareProxies(OURS_IN_GATEWAY, setup, dists, extra, limits),
      express: () => compareProxies(OURS_IN_EXPRESS, setup, dists, extra, limits),
      recon: () => compareRecons(dists, objects, limits),
      start: () => compareStarts(setup, dists, limits),
    }
    for (const [name, part] of Object.entries(parts)) if (only === undefined || only === name) await part()
  } finally {
    await setup.close()
  }
}

type Dists = Readonly<Record<'base' | 'head', string>>
type Limits = Omit<AbbaOptions, 'metrics'>

async function compareProxies(name: string, setup: Setup, dists: Dists, extra: number, limits: Limits): Promise<void> {
  const environment = await setup.environment('http', 'basic')
  const { start } = CONTENDERS.find((contender) => contender.name === name) as Contender
  const variant = (side: keyof Dists, more: NodeJS.ProcessEnv = {}) =>
    proxyVariant(setup, { ...environment, DIST: dists[side], ...more }, { name: side, start }, GET)
  const head = variant('head', { BENCH_EXTRA_US: String(extra) })
  await show(`${GET.name}, ${name}`, 'µs', variant('base'), head, { metrics: ['cpu'], rounds: 8, ...limits })
}

/** Beside remotes that cost nothing: more of what is measured is the gateway. */
async function compareRecons(dists: Dists, objects: number, limits: Limits): Promise<void> {
  const sides = await ReconSides.start('memory', objects, dists.head)
  try {
    const [base, head] = [sides.gateway('base', dists.base), sides.gateway('head', dists.head)]
    await show(`recon of ${objects} objects`, 'µs', base, head, { metrics: RECON_METRICS, ...limits })
  } finally {
    await sides.close()
  }
}

async function compareStarts(setup: Setup, dists: Dists, limits: Limits): Promise<void> {
  await setup.environment('http', 'basic')
  const variant = (side: keyof Dists): Variant => ({
    name: side,
    async start() {
      const project = await copyProject(setup.project)
      const measure = () => timedStart(dists[side], project)
      // The first start writes the compile cache and the database.
      await measure()
      return { measure, stop: async () => undefined }
    },
  })
  await show('start to listening', 'ms', variant('base'), variant('head'), {
    metrics: ['cpu', 'time'],
    rounds: 3,
    ...limits,
  })
}

async function show(title: string, unit: string, base: Variant, head: Variant, options: AbbaOptions): Promise<void> {
  const comparison = await compareVariants(base, [head], options)
  for (const metric of options.metrics) {
    const [before, after] = [comparison.get('base')?.[metric], comparison.get('head')?.[metric]]
    if (!before || !after) continue
    const verdict = after.high < 1 ? 'SLOWER' : after.low > 1 ? 'faster' : 'no difference'
    const medians = `${before.median.toFixed(1)} -> ${after.median.toFixed(1)} ${unit}`
    console.log(`  ${`${title}, ${metric}`.padEnd(46)} ratio ${ratioText(after)}, ${verdict} (${medians})`)
  }
}
