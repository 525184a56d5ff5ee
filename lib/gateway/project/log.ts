import { pino } from 'pino'
import type { Logger } from '../../contract.ts'
import { readableLines } from './log-lines.ts'
import { StartError } from './start-error.ts'

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LEVELS)[number]

/** A logger that creates child loggers; their lines include `bindings`. */
export interface HostLog extends Logger {
  child(bindings: Readonly<Record<string, string>>): HostLog
}

/**
 * A log in which lines with `notices` of files are of level debug as long as `isQuiet`: the start of a gateway shows all
 * of them together.
 */
export const withoutNotices = (log: HostLog, isQuiet: () => boolean): HostLog =>
  // All other methods stay pino's own.
  Object.assign(Object.create(log) as HostLog, {
    warn: (details: object, message?: string) =>
      'notices' in details && isQuiet() ? log.debug(details, message) : log.warn(details, message),
    child: (bindings: Readonly<Record<string, string>>) => withoutNotices(log.child(bindings), isQuiet),
  })

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
 * A logger on standard error: readable lines on a terminal, JSON elsewhere. Lines are written at the end of each event
 * loop turn and on process exit.
 */
export function createLog({ level = 'info', destination = standardError() }: LogOptions = {}): HostLog {
  const options = { level, base: null, timestamp: isoTime(), serializers: { err: describeError } }
  return pino({ ...options, formatters: { level: (label) => ({ level: label }) } }, destination)
}

/** The timestamp member of a pino line. The text for the current second is cached. */
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

/** Max bytes buffered while standard error cannot be written (disk full, reader gone); later lines are dropped. */
const MAX_UNWRITTEN_BYTES = 1024 * 1024

function standardError(): { write(line: string): void } {
  if (process.stderr.isTTY) return readableLines(process.stderr)
  const destination = pino.destination({ dest: 2, sync: true, maxLength: MAX_UNWRITTEN_BYTES })
  // Keep serving when the log cannot be written.
  destination.on('error', () => undefined)
  return batched(destination)
}

/** Flush immediately above this number of buffered characters. */
const MAX_BUFFERED_LENGTH = 16_384

/** Batches the lines of an event loop turn into one system call, which halves the cost of a line under load. */
function batched(destination: { write(text: string): unknown }): { write(line: string): void } {
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
      if (lines.length > MAX_BUFFERED_LENGTH) flush()
    },
  }
}

/** Max depth of `cause` chains, which can be circular. */
const MAX_CAUSE_DEPTH = 4

/**
 * Logs standard properties only: libraries attach requests with credentials to errors
 * (docs/pitfalls.md#secrets-in-output, docs/pitfalls.md#secrets-in-library-errors).
 */
export function describeError(error: unknown, depth = 0): object {
  if (!(error instanceof Error)) return { message: String(error) }
  const { name, message, stack, cause } = error
  const code = 'code' in error ? { code: error.code } : {}
  const because = cause === undefined || depth >= MAX_CAUSE_DEPTH ? {} : { cause: describeError(cause, depth + 1) }
  return { name, message, ...code, stack, ...because }
}
