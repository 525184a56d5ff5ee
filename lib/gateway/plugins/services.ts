import type { Disposable, ServiceRef } from '../../contract.ts'

/** Services of the host and its plugins, by id. */
export class ServiceRegistry {
  readonly #services = new Map<string, unknown>()

  has(id: string): boolean {
    return this.#services.has(id)
  }

  /** Returns undefined if the service is not provided. References with the same id are the same service (contract). */
  get<T>(ref: ServiceRef<T>): T | undefined {
    return this.#services.get(ref.id) as T | undefined
  }

  /** @throws Error if the service is already provided: replacing it silently would break its users */
  provide<T>(ref: ServiceRef<T>, implementation: T): Disposable {
    if (this.#services.has(ref.id)) throw new Error(`the service ${ref.id} is already provided`)
    this.#services.set(ref.id, implementation)
    return {
      dispose: () => {
        if (this.#services.get(ref.id) === implementation) this.#services.delete(ref.id)
      },
    }
  }
}
