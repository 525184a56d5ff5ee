/** No limit; `unlimited` in IDM's configuration. */
export const UNLIMITED = Number.POSITIVE_INFINITY

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  msec: 1,
  milli: 1,
  millis: 1,
  millisecond: 1,
  milliseconds: 1,
  s: 1000,
  sec: 1000,
  second: 1000,
  seconds: 1000,
  m: 60_000,
  min: 60_000,
  minute: 60_000,
  minutes: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  hours: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  days: 86_400_000,
}
/** Max delay of Node's timers: 2^31 - 1 ms, about 24 days. */
export const MAX_TIMER_MS = 2_147_483_647
/** No valid duration is longer; the search for units takes quadratic time. */
const MAX_TEXT_LENGTH = 100

/** The formats of `parseDuration`, for messages and the documentation. */
export const DURATION_FORMS =
  'a number of seconds, or text such as "10s", "500 ms", "1 minute 30 seconds", "unlimited", "zero"'

/**
 * Parses a duration in the format of IDM's HTTP client settings.
 * @param max longer ones are shortened to this many milliseconds
 * @returns milliseconds; `UNLIMITED` for no limit; undefined when the value is not a duration
 */
export function parseDuration(value: string | number, max = MAX_TIMER_MS): number | undefined {
  if (typeof value === 'number') return bounded(value * 1000, max)
  const text = value.trim().toLowerCase()
  if (text === 'unlimited' || text === 'infinite') return UNLIMITED
  if (text === 'zero') return 0
  if (/^\d+(\.\d+)?$/.test(text)) return bounded(Number(text) * 1000, max)
  return parseUnits(text, max)
}

function parseUnits(text: string, max: number): number | undefined {
  if (text.length > MAX_TEXT_LENGTH) return undefined
  let total = 0
  const rest = text.replace(/(\d+(?:\.\d+)?)\s*([a-z]+)[\s,]*(?:and\s+)?/g, (part, amount: string, unit: string) => {
    const factor = UNITS[unit]
    if (factor === undefined) return part
    total += Number(amount) * factor
    return ''
  })
  return rest === '' && text !== '' ? bounded(total, max) : undefined
}

function bounded(ms: number, max: number): number | undefined {
  if (!Number.isFinite(ms) || ms < 0) return undefined
  return Math.min(Math.round(ms), max)
}
