import { isObject } from '../../core/json.ts'

/** Formats JSON log lines for a terminal: `10:04:31 info  plugin activated  plugin=external-idm version=0.1.0`. */
export const readableLines = (output: { write(text: string): unknown }) => ({
  write(line: string): void {
    output.write(`${readableLine(line)}\n`)
  },
})

/** Formats one JSON log line; returns any other text unchanged. */
export function readableLine(line: string): string {
  let entry: unknown
  try {
    entry = JSON.parse(line)
  } catch {
    return line.trimEnd()
  }
  if (!isObject(entry)) return line.trimEnd()
  const { level, time, msg, err, ...details } = entry
  const clock = String(time).slice(11, 19)
  const words = Object.entries(details).map(([key, value]) => `${key}=${textOf(value)}`)
  const head = `${clock} ${String(level).padEnd(5)} ${msg === undefined ? '' : String(msg)}`
  const stack = isObject(err) ? `\n${String(err.stack ?? err.message)}` : ''
  return withoutControls(`${[head.trimEnd(), ...words].join('  ')}${stack}`)
}

const textOf = (value: unknown): string => {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return /^[^\s"]+$/.test(text) ? text : JSON.stringify(value)
}

/** Replaces control characters, since log lines contain text from callers. */
const withoutControls = (text: string): string => text.replace(/(?!\n)\p{Cc}/gu, '?')
