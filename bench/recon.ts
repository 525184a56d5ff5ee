/**
 * `npm run bench -- recon [--objects N] [--remote gateway|memory]`: reconciliation of two remotes, beside a bare client that fetches the same
 * pages and writes the same objects. Both in turn on the same core, the remotes on another; medians of the rounds.
 */
import { PINNED } from './process.ts'
import type { BareResult, Writes } from './recon-bare.ts'
import { type OurResult, ReconSides, type RemoteKind } from './recon-sides.ts'
import { median } from './statistics.ts'

const KINDS = { memory: 'in memory', gateway: 'gateways of ours' } as const

/** With more objects than this one round has to do: it is long, and its length evens the noise out. */
const MANY = 50_000

export async function recon(objects: number, kind: RemoteKind): Promise<void> {
  const rounds = objects > MANY ? 1 : 3
  const sides = await ReconSides.start(kind)
  try {
    console.log(
      `\nReconciliation of ${objects} objects of two remotes (${KINDS[kind]}), beside a bare client (${rounds} round(s))\n`,
    )
    if (!PINNED) console.log('  not pinned (no taskset): ratios mean little')
    console.log('               objects/s     bare   ratio   µs of processor/object   bare   resident MB at most')
    const atRest = await create(sides, objects, rounds)
    await compare(sides, { name: 'unchanged', objects, rounds, writes: 'none' })
    await compare(sides, { name: '1 % changed', objects, rounds, writes: 'changed' })
    console.log(`\n  The gateway has ${atRest.toFixed(0)} MB at rest.`)
  } finally {
    await sides.close()
  }
}

/** Each round needs a gateway that has no links yet. @returns its memory at rest */
async function create(sides: ReconSides, objects: number, rounds: number): Promise<number> {
  const [ours, bares]: [OurResult[], BareResult[]] = [[], []]
  let atRest = 0
  for (let round = 0; round < rounds; round++) {
    await sides.prepare({ fill: objects })
    bares.push(await sides.bare('all'))
    await sides.prepare({ fill: objects })
    atRest = await sides.freshGateway()
    ours.push(await sides.ours())
  }
  print('create', objects, ours, bares)
  return atRest
}

interface Case {
  readonly name: string
  readonly objects: number
  readonly rounds: number
  readonly writes: Writes
}

async function compare(sides: ReconSides, { name, objects, rounds, writes }: Case): Promise<void> {
  const [ours, bares]: [OurResult[], BareResult[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    const change = (side: number) => (writes === 'changed' ? { change: 2 * round + side } : {})
    await sides.prepare(change(1))
    bares.push(await sides.bare(writes))
    await sides.prepare(change(2))
    ours.push(await sides.ours())
  }
  print(name, objects, ours, bares)
}

function print(name: string, objects: number, ours: readonly OurResult[], bares: readonly BareResult[]): void {
  const rate = (results: readonly BareResult[]) => objects / (median(results.map(({ ms }) => ms)) / 1000)
  const cost = (results: readonly BareResult[]) => (median(results.map(({ cpuMs }) => cpuMs)) * 1000) / objects
  const cells = [
    rate(ours).toFixed(0).padStart(9),
    rate(bares).toFixed(0).padStart(8),
    (rate(ours) / rate(bares)).toFixed(2).padStart(7),
    cost(ours).toFixed(0).padStart(24),
    cost(bares).toFixed(0).padStart(6),
    Math.max(...ours.map(({ megabytes }) => megabytes))
      .toFixed(0)
      .padStart(21),
  ]
  console.log(`  ${name.padEnd(13)}${cells.join(' ')}`)
}
