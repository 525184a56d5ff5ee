import { setTimeout as delay } from 'node:timers/promises'
import type { JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { GatewayApi } from '../gateway-api.ts'
import type { Output } from '../output.ts'
import { LINE_MS, progressBar, UNKNOWN } from '../progress-bar.ts'

const POLL_MS = 200
const FORMAT = '{bar} {value}/{total}, {rate}/s, {eta_formatted} left  {situations}'
/** What stands beside the bar when numbers have four digits. */
const TEXT_COLUMNS = 56

/**
 * Polls a run until it ends. Shows a progress bar on a terminal, otherwise a line every ten seconds.
 * @returns the run in its final state
 * @throws the reason of `signal` when it aborts
 */
export async function follow(api: GatewayApi, id: string, stderr: Output, signal?: AbortSignal): Promise<JsonObject> {
  const begin = performance.now()
  const bar = progressBar(stderr, FORMAT, TEXT_COLUMNS)
  try {
    for (;;) {
      const run = await api.read(`recon/${id}`)
      if (!run) throw new Error(`the run ${id} no longer exists`)
      const ms = performance.now() - begin
      const { processed, total } = sourceOf(run)
      const payload = { rate: Math.round((processed * 1000) / Math.max(ms, 1)), situations: situationsOf(run) }
      if (!bar.isActive && (stderr.isTTY === true || ms >= LINE_MS)) bar.start(total, processed, payload)
      bar.setTotal(total)
      bar.update(processed, payload)
      if (run.state !== 'ACTIVE') return run
      await delay(POLL_MS, undefined, { signal })
    }
  } finally {
    bar.stop()
  }
}

function sourceOf({ progress }: JsonObject): { processed: number; total: number } {
  const source = isObject(progress) && isObject(progress.source) ? progress.source.existing : undefined
  const { processed, total } = isObject(source) ? source : {}
  const isKnown = typeof total === 'string' && /^\d+$/.test(total)
  return { processed: Number(processed ?? 0), total: isKnown ? Number(total) : UNKNOWN }
}

function situationsOf({ situationSummary }: JsonObject): string {
  const counts = Object.entries(isObject(situationSummary) ? situationSummary : {})
  return counts.flatMap(([name, count]) => (count === 0 ? [] : `${name} ${String(count)}`)).join('  ')
}
