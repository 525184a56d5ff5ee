import { setTimeout as delay } from 'node:timers/promises'
import progress from 'cli-progress'
import type { JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { GatewayApi } from '../gateway-api.ts'
import { type Output, widthOf } from '../output.ts'

const POLL_MS = 200
/** Without a terminal, one line is printed each time this has passed. */
const LINE_MS = 10_000
/** What stands beside the bar when numbers have four digits. */
const TEXT_COLUMNS = 56
const UNKNOWN = Number.MAX_SAFE_INTEGER

/**
 * Polls a run until it ends. Shows a progress bar on a terminal, otherwise a line every ten seconds.
 * @returns the run in its final state
 * @throws the reason of `signal` when it aborts
 */
export async function follow(api: GatewayApi, id: string, stderr: Output, signal?: AbortSignal): Promise<JsonObject> {
  const begin = performance.now()
  const bar = progressBar(stderr)
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

const progressBar = (stderr: Output): progress.SingleBar =>
  new progress.SingleBar(
    {
      stream: stderr as NodeJS.WritableStream,
      format: '{bar} {value}/{total}, {rate}/s, {eta_formatted} left  {situations}',
      barsize: Math.max(8, Math.min(24, widthOf(stderr) - TEXT_COLUMNS)),
      formatTime: (seconds, options, round) =>
        Number.isFinite(seconds) ? progress.Format.TimeFormat(seconds, options, round) : '?',
      formatValue: (value, _options, type) => (type === 'total' && value === UNKNOWN ? '?' : String(value)),
      noTTYOutput: true,
      notTTYSchedule: LINE_MS,
      // With `true`, Ctrl-C would stop the bar and leave the command running.
      gracefulExit: false,
      // Cuts each line to the terminal's width. `false` changes a mode of the terminal, which Ctrl-C would leave on.
      linewrap: true,
    },
    progress.Presets.shades_classic,
  )

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
