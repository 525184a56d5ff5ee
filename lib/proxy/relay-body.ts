import type { IncomingMessage, ServerResponse } from 'node:http'

/**
 * Relays the body of a response to the caller, no faster than the caller reads. `pipe` does the same with many more
 * listeners, which are added and removed for each response; the exchange handles interrupted sides itself.
 */
export class BodyRelay {
  #blocked = false

  /** @param contain runs a listener and catches what it throws */
  constructor(from: IncomingMessage, to: ServerResponse, contain: (act: () => void) => void) {
    const resume = () => {
      this.#blocked = false
      from.resume()
    }
    from.on('data', (chunk: Buffer) =>
      contain(() => {
        // A caller that has disconnected ends the exchange elsewhere. Only `false` means wait: loggers and adapters that
        // replace `write` often return nothing.
        if (to.destroyed || to.write(chunk) !== false) return
        this.#blocked = true
        from.pause()
        to.once('drain', resume)
      }),
    )
    from.on('end', () =>
      contain(() => {
        if (!to.destroyed) to.end()
      }),
    )
  }

  /** Waiting for the caller to read. */
  get isBlocked(): boolean {
    return this.#blocked
  }
}
