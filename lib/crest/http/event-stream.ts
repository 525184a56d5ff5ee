/** Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html */
import type { ServerResponse } from 'node:http'
import { cutOff, isOver } from './message.ts'

export interface EventStreamOptions {
  /** Milliseconds between comments that show both sides, and what is between them, that the other is there. */
  readonly heartbeatMs?: number
  /** Milliseconds after which a caller that reads nothing is cut off. */
  readonly stallMs?: number
}

/** Proxies pass each event on at once: nginx buffers by default, others compress. */
const HEADERS: Readonly<Record<string, string>> = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store, no-transform',
  'X-Accel-Buffering': 'no',
  Vary: 'Accept',
}

const HEARTBEAT_MS = 15_000
const STALL_MS = 60_000

/**
 * A response of events. While the caller does not read, only the last event of each name waits: the memory of a stream is
 * bounded.
 */
export class EventStream {
  /** Aborts when the caller has left or the stream has ended. */
  readonly closed: AbortSignal
  readonly #response: ServerResponse
  readonly #waiting = new Map<string, string>()
  /** Milliseconds of `performance.now()` since which the caller has read nothing. */
  #blockedSince: number | undefined

  /** Sends the head of the response. */
  constructor(response: ServerResponse, { heartbeatMs = HEARTBEAT_MS, stallMs = STALL_MS }: EventStreamOptions = {}) {
    const gone = new AbortController()
    this.closed = gone.signal
    this.#response = response
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
    response.writeHead(200)
    response.flushHeaders()
    response.on('drain', () => this.#drained())
    const timer = setInterval(() => this.#beat(stallMs), Math.min(heartbeatMs, stallMs)).unref()
    response.once('close', () => {
      clearInterval(timer)
      gone.abort()
    })
    if (isOver(response)) {
      clearInterval(timer)
      gone.abort()
    }
  }

  /** Whether events wait for the caller to read. */
  get isBlocked(): boolean {
    return this.#blockedSince !== undefined
  }

  /** @param data JSON @param id comes back as `Last-Event-ID` when the caller resumes */
  send(name: string, data: string, id?: string): void {
    const text = eventText(name, data, id)
    // In the order of sending: each id is that of all before it.
    this.#waiting.delete(name)
    if (this.isBlocked) this.#waiting.set(name, text)
    else this.#write(text)
  }

  /** Ends the stream after what waits, and a last event if there is one. */
  end(name?: string, data = '{}'): void {
    if (isOver(this.#response)) return
    const last = [...this.#waiting.values(), ...(name === undefined ? [] : [eventText(name, data)])]
    this.#waiting.clear()
    this.#blockedSince ??= performance.now()
    this.#response.end(last.join(''))
  }

  #write(text: string): void {
    if (!isOver(this.#response) && !this.#response.write(text)) this.#blockedSince = performance.now()
  }

  #drained(): void {
    this.#blockedSince = undefined
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    if (waiting.length > 0) this.#write(waiting.join(''))
  }

  #beat(stallMs: number): void {
    if (this.#blockedSince === undefined) this.#write(':\n\n')
    else if (performance.now() - this.#blockedSince >= stallMs) cutOff(this.#response)
  }
}

const eventText = (name: string, data: string, id?: string): string =>
  `event: ${name}\n${id === undefined ? '' : `id: ${id}\n`}data: ${data}\n\n`
