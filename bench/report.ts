import { type Comparison, ratioText } from './abba.ts'
import type { MemoryRow } from './memory.ts'
import type { ReloadResult, StartResult } from './reload.ts'
import type { Work } from './throughput.ts'

export function printThroughput({ name, connections, scheme, authType }: Work, comparison: Comparison): void {
  console.log(
    `\n${name} (${connections} connections, ${scheme} remote, ${authType}); ratios to the first, more is better`,
  )
  console.log(`  ${'contender'.padEnd(36)} ${'by processor'.padEnd(28)} by time  µs/req   p99 ms`)
  for (const [contender, { cpu, time, p99 }] of comparison) {
    if (!cpu || !time || !p99) continue
    const cells = [
      time.ratio.toFixed(2).padStart(7),
      cpu.median.toFixed(0).padStart(7),
      p99.median.toFixed(1).padStart(8),
    ]
    console.log(`  ${contender.padEnd(36)} ${ratioText(cpu).padEnd(28)} ${cells.join(' ')}`)
  }
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
