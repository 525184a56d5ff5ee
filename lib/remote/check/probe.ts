import type { Disposable } from '../../contract.ts'
import type { Instance } from '../instance/instance.ts'
import { queryCollection } from './checklist.ts'

/** How much earlier or later than the interval says a probe may be, as a share of it. */
const JITTER = 0.1

/**
 * Queries a remote on the interval of its property `probe`, so that its state is known without traffic; with jitter, so
 * that gateways and instances that start together do not ask together. The client records the outcome.
 */
export class Probe implements Disposable {
  readonly #instance: Instance
  readonly #interval: number
  readonly #abort = new AbortController()
  #timer: NodeJS.Timeout

  private constructor(instance: Instance, interval: number) {
    this.#instance = instance
    this.#interval = interval
    this.#timer = this.#after(Math.random())
  }

  /** @returns undefined when the instance is not to be probed */
  static start(instance: Instance): Probe | undefined {
    const { probe } = instance.properties
    return probe === undefined ? undefined : new Probe(instance, probe)
  }

  dispose(): void {
    clearTimeout(this.#timer)
    this.#abort.abort()
  }

  /** @param share of the interval */
  #after(share: number): NodeJS.Timeout {
    return setTimeout(() => void this.#probe(), this.#interval * share).unref()
  }

  async #probe(): Promise<void> {
    const { signal } = this.#abort
    // A failure is the state of the instance by now; an open circuit lets a probe pass when it is time.
    await queryCollection(this.#instance, signal).catch(() => undefined)
    if (!signal.aborted) this.#timer = this.#after(1 + JITTER * (2 * Math.random() - 1))
  }
}
