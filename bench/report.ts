import type { MemoryRow } from './memory.ts'
import type { ReloadResult, StartResult } from './reload.ts'
import type { Result } from './throughput.ts'

/** A reference that varies by more than this says that the machine was busy with something else. */
const MOST_NOISE = 1 / 3
export const isRestless = (noise: number): boolean => noise > MOST_NOISE

export function printThroughput({ work, rows, noise }: Result): void {
  const restless = isRestless(noise)
  console.log(`\n${work.name} (${work.connections} connections, ${work.scheme} remote, ${work.authType})`)
  console.log(`  ${'contender'.padEnd(36)} by time  by processor   req/s  µs/req   p99 ms  failed`)
  for (const row of [...rows].sort((a, b) => b.processorRatio - a.processorRatio)) {
    const shown = restless ? '?' : row.ratio.toFixed(2)
    console.log(
      [
        `  ${row.contender.padEnd(36)}`,
        shown.padStart(7),
        row.processorRatio.toFixed(2).padStart(13),
        row.rate.toFixed(0).padStart(7),
        row.processor.toFixed(0).padStart(7),
        row.p99.toFixed(1).padStart(8),
        String(row.failed).padStart(7),
      ].join(' '),
    )
  }
  const verdict = restless ? '; too much for a verdict by time, run it again on a quiet machine' : ''
  console.log(
    `  in the middle half of the rounds the processor time of the reference varied by ${(noise * 100).toFixed(0)} %${verdict}`,
  )
}

export function printMemory(rows: readonly MemoryRow[]): void {
  console.log('\n64 MB to each of 4 slow clients, over idle: resident memory at most, the first and the second time;')
  console.log('heap and buffers after a collection in the middle of it')
  for (const { contender, first, again, needed } of rows) {
    const shown = [first, again, needed].map((megabytes) => `${megabytes.toFixed(1).padStart(7)} MB`)
    console.log(`  ${contender.padEnd(36)} ${shown.join('')}`)
  }
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
