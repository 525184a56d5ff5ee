import type { PreparedContext } from '../protocol.ts'

/** Together; one with lodash has 3 MB. */
const MAX_BYTES = 64 * 1024 * 1024

/** Contexts for the next runs, shared by all threads; those not used for longest go when there are too many. */
export class PreparedContexts {
  readonly #contexts = new Map<string, PreparedContext>()
  #bytes = 0

  get(key: string): PreparedContext | undefined {
    const context = this.#contexts.get(key)
    if (!context) return undefined
    this.#contexts.delete(key)
    this.#contexts.set(key, context)
    return context
  }

  keep(context: PreparedContext): void {
    this.#drop(context.key)
    this.#contexts.set(context.key, context)
    this.#bytes += context.image.bytes.byteLength
    for (const key of this.#contexts.keys()) {
      if (this.#bytes <= MAX_BYTES) return
      this.#drop(key)
    }
  }

  #drop(key: string): void {
    const context = this.#contexts.get(key)
    if (!context) return
    this.#contexts.delete(key)
    this.#bytes -= context.image.bytes.byteLength
  }
}
