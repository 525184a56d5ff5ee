import progress from 'cli-progress'
import { type Output, widthOf } from './output.ts'

/** Without a terminal, one line is printed each time this has passed. */
export const LINE_MS = 10_000
/** A total that is not known. */
export const UNKNOWN = Number.MAX_SAFE_INTEGER

/**
 * A bar on a terminal, else a line every ten seconds.
 * @param textColumns what stands beside the bar
 */
export const progressBar = (stderr: Output, format: string, textColumns: number): progress.SingleBar =>
  new progress.SingleBar(
    {
      stream: stderr as NodeJS.WritableStream,
      format,
      barsize: Math.max(8, Math.min(24, widthOf(stderr) - textColumns)),
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
