import type { Disposable, ServiceRef } from '../../contract.ts'

/** The services that the host and its plugins offer each other, by id. */
export class ServiceRegistry {
  readonly #services = new Map<string, unknown>()

  has(id: string): boolean {
    return this.#services.has(id)
  }

  /** Undefined when nobody provides it. Two references with one id are the same service (contract). */
  get<T>(ref: ServiceRef<T>): T | undefined {
    return this.#services.get(ref.id) as T | undefined
  }

  /** @throws Error when the service is provided already: a second one would silently replace the first. */
  provide<T>(ref: ServiceRef<T>, implementation: T): Disposable {
    if (this.#services.has(ref.id)) throw new Error(`the service ${ref.id} is provided already`)
    this.#services.set(ref.id, implementation)
    return {
      dispose: () => {
        if (this.#services.get(ref.id) === implementation) this.#services.delete(ref.id)
      },
    }
  }
}
