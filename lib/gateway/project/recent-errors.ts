import type { JsonObject } from '../../contract.ts'
import { describeError, type HostLog } from './log.ts'

const MAX_ENTRIES = 200
const MAX_MESSAGE = 2000

/** The last warnings and errors of this process, for its administrators. */
export class RecentErrors {
  readonly #entries: JsonObject[] = []
  #count = 0

  /** From the latest: `{ "_id", "time", "level", "message", "about" }`, where `about` has what the line names beside. */
  get entries(): readonly JsonObject[] {
    return this.#entries.toReversed()
  }

  /** A log whose warnings and errors are remembered. */
  follow(log: HostLog): HostLog {
    return Object.assign(Object.create(log) as HostLog, {
      warn: (details: object, message?: string) => {
        this.#add('warn', details, message)
        log.warn(details, message)
      },
      error: (details: object, message?: string) => {
        this.#add('error', details, message)
        log.error(details, message)
      },
      child: (bindings: Readonly<Record<string, string>>) => this.follow(log.child(bindings)),
    })
  }

  #add(level: 'warn' | 'error', details: object, message = ''): void {
    const { err, ...others } = details as { readonly err?: unknown }
    const cause = err === undefined ? undefined : (describeError(err) as { readonly message?: string }).message
    const about = Object.entries(others).filter(([, value]) => typeof value === 'string' || typeof value === 'number')
    this.#entries.push({
      _id: String(++this.#count),
      time: new Date().toISOString(),
      level,
      message: (cause === undefined || cause === message ? message : `${message}: ${cause}`).slice(0, MAX_MESSAGE),
      about: Object.fromEntries(about) as JsonObject,
    })
    if (this.#entries.length > MAX_ENTRIES) this.#entries.shift()
  }
}
