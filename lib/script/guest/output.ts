import type { Ask } from './ask.ts'

/** `logger` and `console`. */
export function makeOutput(ask: Ask) {
  const { stringify } = JSON

  const show = (value: unknown): string => {
    if (typeof value !== 'object' || value === null || value instanceof Error) return String(value)
    try {
      return stringify(value) ?? String(value)
    } catch {
      return String(value)
    }
  }

  /** Replaces each `{}` with the next parameter. */
  const fill = (message: unknown, params: unknown[]): string => {
    let next = 0
    const text = show(message)
    return params.length === 0
      ? text
      : text.replace(/\{\}/g, (braces) => (next < params.length ? show(params[next++]) : braces))
  }

  const logger: Record<string, unknown> = {}
  for (const level of ['trace', 'debug', 'info', 'warn', 'error']) {
    logger[level] = (message: unknown, ...params: unknown[]) => {
      ask('log', level, fill(message, params))
      return null
    }
  }
  for (const level of ['Trace', 'Debug', 'Info', 'Warn', 'Error']) logger[`is${level}Enabled`] = () => true

  const print = (...values: unknown[]): void => {
    ask('print', values.map(show).join(' '))
  }
  return { logger, console: { log: print, info: print, debug: print, warn: print, error: print } }
}
