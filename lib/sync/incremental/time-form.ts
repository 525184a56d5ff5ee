/** Remotes compare the times in a field as texts: what they are compared with has to be written in the same form. */
export interface TimeForm {
  /** Digits of the fraction of a second. */
  readonly digits: number
  /** Empty = none is written. */
  readonly zone: '' | 'Z' | '+00:00' | '+0000'
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d{1,9}))?(Z|\+00:00|\+0000)?$/

/** The form of a time in ISO 8601; undefined for anything else, and for times in a zone other than UTC. */
export function timeFormOf(value: unknown): TimeForm | undefined {
  const [text, fraction = '', zone = ''] = (typeof value === 'string' && TIME.exec(value)) || []
  if (text === undefined || Number.isNaN(Date.parse(`${text.slice(0, 19)}Z`))) return undefined
  return { digits: fraction.length, zone: zone as TimeForm['zone'] }
}

/** No zone is further behind UTC. */
const UNKNOWN_ZONE_MS = 12 * 3_600_000

const SECOND_MS = 1000

/**
 * The time as a text that no later time in the field sorts before.
 * @param time milliseconds since 1970
 */
export function printTime(time: number, { digits, zone }: TimeForm): string {
  // ".5Z" sorts before "Z" of the same second.
  const margin = (digits === 0 ? SECOND_MS : 0) + (zone === '' ? UNKNOWN_ZONE_MS : 0)
  const [seconds = ''] = new Date(Math.max(0, time - margin)).toISOString().split('.')
  return `${seconds}${digits === 0 ? '' : `.${'0'.repeat(digits)}`}${zone}`
}
