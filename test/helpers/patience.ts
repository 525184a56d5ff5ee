import assert from 'node:assert/strict'

/** Enough for several turns of the scheduler. */
const SAMPLE_MS = 30

/** `ms` of a quiet machine; on a busy one as many times more as this process waits for a core. */
export function patience(ms: number): number {
  const begin = performance.now()
  const spent = cpuClock()
  let computed = 0
  while (computed < SAMPLE_MS) computed = spent()
  return 2 * ms * Math.max(1, (performance.now() - begin) / computed)
}

/** Fails when `begin`, of `performance.now()`, is longer ago than `ms` on a quiet machine. */
export function assertSince(begin: number, ms: number, message = 'it was at once'): void {
  const took = performance.now() - begin
  if (took >= ms) assert.ok(took < patience(ms), `${message}: it took ${Math.round(took)} ms`)
}

/** @returns tells the milliseconds that this process has computed since then, whatever else the machine does */
export function cpuClock(): () => number {
  const begin = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(begin)
    return (user + system) / 1000
  }
}
