import type { Disposable, Logger } from '../contract.ts'

type CleanUp = () => void | Promise<void>

/**
 * Owns what is started for one plugin or instance, and cleans it up in reverse order. Each clean-up has a label for
 * messages; one that fails does not prevent the others.
 */
export class Scope implements Disposable {
  readonly #cleanUps: { label: string; run: CleanUp }[] = []
  readonly #log: Logger | undefined
  readonly #abort = new AbortController()
  #disposal: Promise<void> | undefined

  constructor(log?: Logger) {
    this.#log = log
  }

  /** Aborts when disposal starts. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Registers a clean-up; runs it at once when the scope is already disposed. */
  defer(label: string, run: CleanUp): void {
    if (this.#disposal) void this.#run(label, run)
    else this.#cleanUps.push({ label, run })
  }

  /** Registers `resource` and returns it. */
  own<T extends Disposable>(label: string, resource: T): T {
    this.defer(label, () => resource.dispose())
    return resource
  }

  dispose(): Promise<void> {
    this.#disposal ??= this.#disposeAll()
    return this.#disposal
  }

  async #disposeAll(): Promise<void> {
    this.#abort.abort()
    for (let next = this.#cleanUps.pop(); next; next = this.#cleanUps.pop()) await this.#run(next.label, next.run)
  }

  async #run(label: string, run: CleanUp): Promise<void> {
    try {
      await run()
    } catch (error) {
      this.#log?.error({ err: error, cleanUp: label }, `clean-up failed: ${label}`)
    }
  }
}
