import { pino } from 'pino'
import type { Logger } from '../../contract.ts'
import { readableLines } from './log-lines.ts'
import { StartError } from './start-error.ts'

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LEVELS)[number]

/** A logger that can make others, whose lines carry `bindings`. */
export interface HostLog extends Logger {
  child(bindings: Readonly<Record<string, string>>): HostLog
}

/** Where lines go: anything with `write`. */
export interface LogOptions {
  readonly level?: LogLevel
  readonly destination?: { write(line: string): void }
}

/** @throws StartError for a level that does not exist */
export function logLevelOf(env: NodeJS.ProcessEnv): LogLevel {
  const text = env.LOG_LEVEL ?? 'info'
  const level = LEVELS.find((name) => name === text.toLowerCase())
  if (level) return level
  throw new StartError(`LOG_LEVEL: must be one of ${LEVELS.join(', ')}`)
}

/**
 * A log on standard error: lines for people on a terminal, JSON elsewhere. Written before the turn of the event loop
 * ends, or the process does.
 */
export function createLog({ level = 'info', destination = standardError() }: LogOptions = {}): HostLog {
  const options = { level, base: null, timestamp: isoTime(), serializers: { err: describeError } }
  return pino({ ...options, formatters: { level: (label) => ({ level: label }) } }, destination)
}

/** As pino wants it: the part of a line that says when. The text of the second is put together once per second. */
function isoTime(): () => string {
  let second = Number.NaN
  let text = ''
  return () => {
    const now = Date.now()
    if (Math.floor(now / 1000) !== second) {
      second = Math.floor(now / 1000)
      text = new Date(now).toISOString().slice(0, -'mmmZ'.length)
    }
    return `,"time":"${text}${String(now % 1000).padStart(3, '0')}Z"`
  }
}

/** So much is kept of what cannot be written, because the disk is full or the reader is gone; the rest is lost. */
const MAX_UNWRITTEN_BYTES = 1024 * 1024

function standardError(): { write(line: string): void } {
  if (process.stderr.isTTY) return readableLines(process.stderr)
  const destination = pino.destination({ dest: 2, sync: true, maxLength: MAX_UNWRITTEN_BYTES })
  // A log that cannot be written is no reason to stop serving.
  destination.on('error', () => undefined)
  return turnwise(destination)
}

/** So many characters are not held back any longer. */
const MOST_HELD = 16_384

/** One system call for all lines of a turn of the event loop: under load that was half of what a line cost. */
function turnwise(destination: { write(text: string): unknown }): { write(line: string): void } {
  let lines = ''
  let begun = false
  const flush = () => {
    if (lines !== '') destination.write(lines)
    lines = ''
  }
  return {
    write(line) {
      if (!begun) process.on('exit', flush)
      begun = true
      if (lines === '') setImmediate(flush)
      lines += line
      if (lines.length > MOST_HELD) flush()
    },
  }
}

/** How deep causes are followed; errors can be their own cause. */
const CAUSES = 4

/**
 * Only what every error has: libraries hang requests with their credentials onto errors
 * (docs/pitfalls.md#secrets-in-output, docs/pitfalls.md#secrets-in-library-errors).
 */
export function describeError(error: unknown, depth = 0): object {
  if (!(error instanceof Error)) return { message: String(error) }
  const { name, message, stack, cause } = error
  const code = 'code' in error ? { code: error.code } : {}
  const because = cause === undefined || depth >= CAUSES ? {} : { cause: describeError(cause, depth + 1) }
  return { name, message, ...code, stack, ...because }
}
