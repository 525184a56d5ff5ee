import { setTimeout as delay } from 'node:timers/promises'
import type { JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { CommandIo } from '../command.ts'
import type { ReconApi } from './recon-api.ts'

const LOOK_MS = 200
const LINE_MS = 10_000
const WIDTH = 24

/**
 * Follows a run to its end: with a bar that grows on a terminal, otherwise with a line every ten seconds.
 * @returns the run as it ended
 */
export async function follow(api: ReconApi, id: string, stderr: CommandIo['stderr']): Promise<JsonObject> {
  const isTerminal = stderr === process.stderr && process.stderr.isTTY === true
  const begin = performance.now()
  let line = begin
  for (;;) {
    const run = await api.read(`recon/${id}`)
    if (!run) throw new Error(`the run ${id} is not there any more`)
    const ended = run.state !== 'ACTIVE'
    if (isTerminal) stderr.write(`\r\u001b[K${progressLine(run, performance.now() - begin)}${ended ? '\n' : ''}`)
    else if (!ended && performance.now() - line >= LINE_MS) {
      line = performance.now()
      stderr.write(`${progressLine(run, line - begin)}\n`)
    }
    if (ended) return run
    await delay(LOOK_MS)
  }
}

/** Objects, rate, time left and situations of a run, in one line. */
export function progressLine(run: JsonObject, ms: number): string {
  const { processed, total } = sourceOf(run)
  const rate = ms > 0 ? Math.round((processed * 1000) / ms) : 0
  const left = total !== undefined && rate > 0 ? `, ${timeText((total - processed) / rate)} left` : ''
  const share = total ? processed / total : 0
  const bar = '█'.repeat(Math.round(share * WIDTH)).padEnd(WIDTH, '░')
  const counts = Object.entries(isObject(run.situationSummary) ? run.situationSummary : {})
  const situations = counts.filter(([, count]) => count !== 0).map(([name, count]) => `${name} ${String(count)}`)
  return `${bar} ${processed}/${total ?? '?'}, ${rate}/s${left}  ${situations.join('  ')}`
}

function sourceOf({ progress }: JsonObject): { processed: number; total: number | undefined } {
  const source = isObject(progress) && isObject(progress.source) ? progress.source.existing : undefined
  const { processed, total } = isObject(source) ? source : {}
  const known = typeof total === 'string' && /^\d+$/.test(total)
  return { processed: Number(processed ?? 0), total: known ? Number(total) : undefined }
}

function timeText(seconds: number): string {
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))} s`
  return seconds < 3600 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 360) / 10} h`
}
