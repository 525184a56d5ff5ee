/** A worker that ran longer than this did not crash at startup. */
const STABLE_MS = 60_000
/** Delay before the first restart; doubles with each early crash in a row. */
const MIN_BACKOFF_MS = 100
const MAX_BACKOFF_MS = 30_000

/** Back-off before a crashed worker restarts. */
export class RestartBackoff {
  #crashes = 0

  /** @param uptime milliseconds that the worker ran; 0 if it could not be started */
  next(uptime: number): number {
    if (uptime > STABLE_MS) this.#crashes = 0
    return Math.min(MIN_BACKOFF_MS * 2 ** this.#crashes++, MAX_BACKOFF_MS)
  }
}
