/** What a process has used, as Linux counts it. */
import { readFileSync, writeFileSync } from 'node:fs'

/** Of `getconf CLK_TCK`: the same on every Linux in use. */
const TICK_MS = 10

/** Processor time so far, of all its threads. */
export function processorMs(pid: number | undefined): number {
  // The name of the command stands in parentheses and may hold blanks.
  const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')
  const [user, system] = fields.split(' ').slice(11, 13)
  return (Number(user) + Number(system)) * TICK_MS
}

/** The most resident memory since the last call of `forgetPeak`, in MB. */
export function peakMegabytes(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
}

export function forgetPeak(pid: number | undefined): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
}
