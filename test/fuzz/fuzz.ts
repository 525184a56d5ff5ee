/**
 * `npm run fuzz -- --minutes N [--seed S] [--target WORD]`: feeds everything that meets text from outside, target by
 * target in rounds, and prints seed and counts. Ends with 1 and the shortest input found when something does not hold.
 */
import { parseArgs } from 'node:util'
import { endOfRun } from '../helpers/clean-up.ts'
import { fuzz } from './target.ts'
import { TARGETS } from './targets.ts'

const ROUND_MS = 15_000

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string' },
    target: { type: 'string', default: '' },
  },
})
const minutes = Number(values.minutes)
if (!(minutes > 0)) throw new TypeError(`--minutes: must be a number above 0, found ${JSON.stringify(values.minutes)}`)
const targets = TARGETS.filter(({ name }) => name.includes(values.target))
if (targets.length === 0)
  throw new TypeError(`--target: must be part of one of ${TARGETS.map(({ name }) => name).join('; ')}`)
let seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed)

console.log(`seed ${seed}, ${minutes} min, ${targets.length} targets`)
const counts = new Map(targets.map(({ name }) => [name, 0]))
const end = performance.now() + minutes * 60_000
let failure: string | undefined
while (failure === undefined && performance.now() < end) {
  const ms = Math.min(ROUND_MS, (minutes * 60_000) / targets.length)
  for (const target of targets) {
    const outcome = await fuzz(target, { seed, ms: Math.max(500, Math.min(ms, end - performance.now())) })
    await endOfRun()
    counts.set(target.name, (counts.get(target.name) ?? 0) + outcome.runs)
    if (outcome.failure === undefined) continue
    failure = `${target.name}, seed ${seed}:\n${outcome.failure}`
    break
  }
  seed = (seed + 1) % 2 ** 31
}
for (const [name, count] of counts) console.log(`${String(count).padStart(9)}  ${name}`)
console.log(
  `${[...counts.values()].reduce((sum, count) => sum + count, 0)} inputs, ${failure ? 'FAILED' : 'nothing found'}`,
)
if (failure) console.log(failure)
process.exit(failure ? 1 : 0)
