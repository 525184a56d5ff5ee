import type { MemoryRow } from './memory.ts'
import type { ReloadResult, StartResult } from './reload.ts'
import type { Result } from './throughput.ts'

/** A reference that varies by more than this says that the machine was busy with something else. */
const MOST_NOISE = 1 / 3

export function printThroughput({ work, rows, noise }: Result): void {
  const restless = noise > MOST_NOISE
  console.log(`\n${work.name} (${work.connections} connections, ${work.scheme} remote, ${work.authType})`)
  console.log(`  ${'contender'.padEnd(38)} ratio   req/s   p99 ms  failed`)
  for (const { contender, ratio, rate, p99, failed } of [...rows].sort((a, b) => b.ratio - a.ratio)) {
    const shown = restless ? '  ?  ' : ratio.toFixed(2).padStart(5)
    console.log(
      `  ${contender.padEnd(38)} ${shown} ${rate.toFixed(0).padStart(7)} ${p99.toFixed(0).padStart(8)} ${String(failed).padStart(7)}`,
    )
  }
  const verdict = restless ? '; too much for a verdict, run it again on a quiet machine' : ''
  console.log(`  the reference varied by ${(noise * 100).toFixed(0)} % over the rounds${verdict}`)
}

export function printMemory(rows: readonly MemoryRow[]): void {
  console.log('\n64 MB to each of 4 slow clients: peak resident memory over idle')
  for (const { contender, megabytes } of rows) console.log(`  ${contender.padEnd(38)} ${megabytes.toFixed(1)} MB`)
}

export function printReload({ p50, p99, count }: ReloadResult): void {
  console.log(
    `\nFile in place to first good answer, ${count} times: p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`,
  )
}

export function printStart({ emptyMs, filledMs, bytesPerInstance }: StartResult): void {
  console.log(`\nStart to listening: ${emptyMs.toFixed(0)} ms with 1 instance, ${filledMs.toFixed(0)} ms with 1,001`)
  console.log(`Memory per idle instance: ${(bytesPerInstance / 1024).toFixed(1)} kB`)
}
