import type { IncomingMessage, ServerResponse } from 'node:http'

/**
 * Sends the body of the remote's answer on to the caller, no faster than the caller reads. `pipe` does the same with many
 * more listeners, put on and taken off again for each answer; what it does about sides that break off, the proxy and the
 * exchange do here.
 */
export function relayBody(from: IncomingMessage, to: ServerResponse): void {
  from.on('data', (chunk: Buffer) => {
    // The caller has left; the remote's answer is about to be cut off for it.
    if (to.destroyed || to.write(chunk)) return
    from.pause()
    to.once('drain', () => from.resume())
  })
  from.on('end', () => {
    if (!to.destroyed) to.end()
  })
}
