import type { ConfigurationConsumer, ConfigurationObject, Logger } from '../../contract.ts'
import { SerialQueue } from '../../core/serial-queue.ts'

type ObjectSet = readonly ConfigurationObject[]

/** Unchanged objects are identical: see ObjectTable. */
const isSameSet = (one: ObjectSet, other: ObjectSet): boolean =>
  one.length === other.length && one.every((object, index) => object === other[index])

/**
 * Passes complete sets to one consumer: one at a time, only the latest, only after changes. A slow or failing consumer
 * does not block the others.
 */
export class Subscription {
  readonly consumer: ConfigurationConsumer
  readonly #log: Logger
  #latest: ObjectSet | undefined
  #inForce: ObjectSet | undefined
  #failure: Error | undefined
  #closed = false
  readonly #applications = new SerialQueue()

  constructor(consumer: ConfigurationConsumer, log: Logger) {
    this.consumer = consumer
    this.#log = log
  }

  /** The error of the last `apply`; undefined if it succeeded. */
  get failure(): Error | undefined {
    return this.#failure
  }

  /** Resolves when `objects`, or a newer set, has been applied or rejected. Rejected sets are retried. */
  offer(objects: ObjectSet): Promise<void> {
    if (this.#latest === undefined || !isSameSet(objects, this.#latest)) this.#latest = objects
    return this.#latest === this.#inForce ? this.#applications.idle() : this.#applications.add(() => this.#apply())
  }

  /** Stops passing sets; resolves when the current `apply` has ended. */
  close(): Promise<void> {
    this.#closed = true
    return this.#applications.idle()
  }

  async #apply(): Promise<void> {
    const objects = this.#latest
    if (this.#closed || objects === undefined || objects === this.#inForce) return
    try {
      await this.consumer.apply(objects)
      this.#inForce = objects
      this.#failure = undefined
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error))
      this.#log.error({ err: error }, `the configuration of ${this.consumer.factoryPid} could not be applied`)
    }
  }
}
