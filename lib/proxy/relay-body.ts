import type { IncomingMessage, ServerResponse } from 'node:http'

/**
 * Sends the body of the remote's answer on to the caller, no faster than the caller reads. `pipe` does the same with many
 * more listeners, put on and taken off again for each answer; what it does about sides that break off, the proxy and the
 * exchange do here.
 */
export class BodyRelay {
  #blocked = false

  /** @param contain runs what a listener does and catches what it throws */
  constructor(from: IncomingMessage, to: ServerResponse, contain: (act: () => void) => void) {
    const resume = () => {
      this.#blocked = false
      from.resume()
    }
    from.on('data', (chunk: Buffer) =>
      contain(() => {
        // The caller has left; the remote's answer is about to be cut off for it. Only `false` asks to wait: loggers and
        // adapters that replace `write` often return nothing.
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

  /** The caller does not read the rest of the answer. */
  get isBlocked(): boolean {
    return this.#blocked
  }
}
