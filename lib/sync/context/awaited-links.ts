interface Waiting {
  /** The hop, or the run, that has written the object. */
  readonly hop: string
  readonly work: () => Promise<unknown>
}

/**
 * Changes of targets whose links are about to be stored: a mapping in the other direction would find no link, and create
 * the source a second time. They are carried over when the link is there.
 */
export class AwaitedLinks {
  /** By type of links and target. */
  readonly #waiting = new Map<string, Waiting>()

  /** @param work carries the change over */
  add(place: string, waiting: Waiting): void {
    this.#waiting.set(place, waiting)
  }

  /** The link of a target is stored; resolves when its change is carried over. */
  async linked(place: string): Promise<void> {
    const found = this.#waiting.get(place)
    if (!found) return
    this.#waiting.delete(place)
    await found.work()
  }

  /** The target gets no link after all: what was to be carried over would create its source again. */
  forget(place: string): void {
    this.#waiting.delete(place)
  }

  /** A hop, or a run, has ended: what is left was not about its own targets. */
  async end(hop: string): Promise<void> {
    for (const [place, waiting] of [...this.#waiting]) {
      if (waiting.hop !== hop || !this.#waiting.delete(place)) continue
      await waiting.work()
    }
  }
}

export const linkPlace = (type: string, targetKey: string): string => `${type}\u0000${targetKey}`
