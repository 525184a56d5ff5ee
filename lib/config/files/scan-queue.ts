import { SerialQueue } from '../../core/serial-queue.ts'

/**
 * Runs scans one after the other. A scan that has begun may have passed the file in question already, so whoever asks
 * meanwhile waits for the next one, together with all others who ask.
 */
export class ScanQueue {
  readonly #scan: (decisive: boolean) => Promise<void>
  readonly #scans = new SerialQueue()
  #next: { decisive: boolean; done: Promise<void> } | undefined

  /** `scan` must not throw. */
  constructor(scan: (decisive: boolean) => Promise<void>) {
    this.#scan = scan
  }

  /** Resolves when a scan that began after this call has ended; it is decisive when any of its callers asked for it. */
  request(decisive: boolean): Promise<void> {
    if (this.#next) {
      this.#next.decisive ||= decisive
      return this.#next.done
    }
    const next = { decisive, done: this.#scans.add(() => this.#begin()) }
    this.#next = next
    return next.done
  }

  /** Resolves when no scan runs or waits. */
  idle(): Promise<void> {
    return this.#scans.idle()
  }

  #begin(): Promise<void> {
    const decisive = this.#next?.decisive ?? false
    this.#next = undefined
    return this.#scan(decisive)
  }
}
