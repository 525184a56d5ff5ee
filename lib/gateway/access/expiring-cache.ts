/** A map of bounded size whose entries end by themselves; the one that was used longest ago makes room. */
export class ExpiringCache<V> {
  readonly #entries = new Map<string, { readonly value: V; readonly expiresAt: number }>()
  readonly #limit: number
  readonly #now: () => number

  /** @param now milliseconds on a clock that only goes forward */
  constructor(limit: number, now: () => number = () => performance.now()) {
    this.#limit = limit
    this.#now = now
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    this.#entries.delete(key)
    if (entry.expiresAt <= this.#now()) return undefined
    this.#entries.set(key, entry)
    return entry.value
  }

  set(key: string, value: V, lifeMs: number): void {
    this.#entries.delete(key)
    if (lifeMs <= 0) return
    this.#entries.set(key, { value, expiresAt: this.#now() + lifeMs })
    if (this.#entries.size <= this.#limit) return
    const oldest = this.#entries.keys().next()
    if (!oldest.done) this.#entries.delete(oldest.value)
  }
}
