import { SerialQueue } from '../../core/serial-queue.ts'

/**
 * Runs scans one at a time. A running scan may have passed the changed file already, so requests made meanwhile share
 * the next scan.
 */
export class CoalescingQueue {
  readonly #scan: (decisive: boolean) => Promise<void>
  readonly #scans = new SerialQueue()
  #next: { decisive: boolean; done: Promise<void> } | undefined

  /** `scan` must not throw. */
  constructor(scan: (decisive: boolean) => Promise<void>) {
    this.#scan = scan
  }

  /** Resolves when a scan that started after this call has ended; the scan is decisive if any of its requests was. */
  request(decisive: boolean): Promise<void> {
    if (this.#next) {
      this.#next.decisive ||= decisive
      return this.#next.done
    }
    const next = { decisive, done: this.#scans.add(() => this.#begin()) }
    this.#next = next
    return next.done
  }

  /** Resolves when no scan is running or queued. */
  idle(): Promise<void> {
    return this.#scans.idle()
  }

  #begin(): Promise<void> {
    const decisive = this.#next?.decisive ?? false
    this.#next = undefined
    return this.#scan(decisive)
  }
}
