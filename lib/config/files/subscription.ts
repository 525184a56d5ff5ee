import type { ConfigurationConsumer, ConfigurationObject, Logger } from '../../contract.ts'
import { SerialQueue } from '../../core/serial-queue.ts'

type ObjectSet = readonly ConfigurationObject[]

/** An object that did not change is the same object: see ObjectTable. */
const isSameSet = (one: ObjectSet, other: ObjectSet): boolean =>
  one.length === other.length && one.every((object, index) => object === other[index])

/**
 * Hands one consumer its complete sets: one after the other, only the newest, only when something changed. A consumer
 * that is slow or fails does not hold up the others.
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

  /** What the last `apply` threw; undefined when it went well. */
  get failure(): Error | undefined {
    return this.#failure
  }

  /** Resolves when `objects`, or a newer set, is in force or was refused. A set that was refused is tried again. */
  offer(objects: ObjectSet): Promise<void> {
    if (this.#latest === undefined || !isSameSet(objects, this.#latest)) this.#latest = objects
    return this.#latest === this.#inForce ? this.#applications.idle() : this.#applications.add(() => this.#apply())
  }

  /** No set is handed over any more; resolves when one that is being applied is done. */
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
      this.#log.error({ err: error }, `the configuration of ${this.consumer.factoryPid} could not be taken into force`)
    }
  }
}
