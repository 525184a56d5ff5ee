import { pino } from 'pino'
import type { JsonObject, Logger } from '../../lib/contract.ts'

export type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error'

export interface LogEntry {
  readonly level: Level
  readonly message: string
  /** What was logged with the message, as it was printed: secrets redacted, errors serialised. */
  readonly details: JsonObject
}

export interface MemoryLog extends Logger {
  readonly entries: readonly LogEntry[]
  /** Everything as a log file would hold it: where a test looks for secrets. */
  readonly text: string
  /** The messages of one level, or of all. */
  messages(level?: Level): string[]
  clear(): void
}

/** A log that pino itself writes, every level, into memory. */
export function memoryLog(): MemoryLog {
  let lines: string[] = []
  const formatters = { level: (label: string) => ({ level: label }) }
  const log = pino({ level: 'trace', base: null, formatters }, { write: (line: string) => lines.push(line) })
  const entries = (): LogEntry[] => lines.map(entryOf)
  return {
    trace: (details, message) => log.trace(details, message),
    debug: (details, message) => log.debug(details, message),
    info: (details, message) => log.info(details, message),
    warn: (details, message) => log.warn(details, message),
    error: (details, message) => log.error(details, message),
    get entries() {
      return entries()
    },
    get text() {
      return lines.join('')
    },
    messages: (level) =>
      entries().flatMap((entry) => (level === undefined || entry.level === level ? entry.message : [])),
    clear: () => {
      lines = []
    },
  }
}

function entryOf(line: string): LogEntry {
  const {
    level,
    time: _,
    msg: message = '',
    ...details
  } = JSON.parse(line) as { level: Level; time: number; msg?: string }
  return { level, message, details }
}
