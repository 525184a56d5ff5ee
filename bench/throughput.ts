/** What a proxied request costs each contender, relative to the reference. */
import { type Comparison, compareVariants, type Variant } from './abba.ts'
import { CONTENDERS, type Contender, REFERENCE } from './contenders.ts'
import { cpuMs } from './process.ts'
import type { Setup } from './setup.ts'

export interface Work {
  readonly name: string
  readonly path: string
  readonly method: 'GET' | 'POST'
  readonly connections: number
  readonly scheme: 'http' | 'https'
  readonly authType: 'basic' | 'bearer'
  /** Requests of one measurement. */
  readonly requests: number
}

/** Measurements before those that count: until then the compiler has done most of its work. */
const WARM_UP = 24

export const GET: Work = {
  name: 'GET 700 B',
  path: 'small',
  method: 'GET',
  connections: 64,
  scheme: 'http',
  authType: 'basic',
  requests: 250,
}

/** Metrics: `cpu` and `time` of a request in microseconds, `p99` in milliseconds. */
export async function throughput(setup: Setup, work: Work, maxBlocks: number): Promise<Comparison> {
  const environment = await setup.environment(work.scheme, work.authType)
  const variants = CONTENDERS.map((contender) => proxyVariant(setup, environment, contender, work))
  const reference = variants.find(({ name }) => name === REFERENCE) as Variant
  const others = variants.filter((variant) => variant !== reference)
  return compareVariants(reference, others, { metrics: ['cpu'], rounds: 4, minBlocks: 3, maxBlocks })
}

/** @param environment as of `Setup.environment` */
export function proxyVariant(
  setup: Setup,
  environment: NodeJS.ProcessEnv,
  { name, start }: Contender,
  { path, method, connections, requests }: Work,
): Variant {
  return {
    name,
    async start() {
      const running = await start(environment)
      const url = `http://127.0.0.1:${running.ready.port}/openidm/external/idm/bench/managed/${path}`
      const measure = async () => {
        const before = await cpuMs(running.child)
        const { rate, count, p99, failed } = await setup.load({ url, method, connections, amount: requests })
        if (failed > 0) console.log(`${name}: ${failed} requests failed`)
        return { cpu: (((await cpuMs(running.child)) - before) * 1000) / count, time: 1e6 / rate, p99 }
      }
      for (let n = 0; n < WARM_UP; n++) await measure()
      return { measure, stop: () => running.stop() }
    },
  }
}
