/** What the writes of a run are known as in a chain of implicit synchronization. */
export const runHop = (mapping: string): string => `${mapping}/(reconciliation)`

interface Waiting {
  /** The hop, or the run, that has written the object. */
  readonly hop: string
  readonly work: () => Promise<unknown>
}

/** How a change ended that waited for a link. */
export type Awaited = 'carriedOut' | 'forgotten' | 'withdrawn'

type Added = Waiting & { readonly end: (how: Awaited) => void }

/** A change that waits for a link. */
export interface AwaitingChange {
  /** How it has ended. */
  readonly ended: Promise<Awaited>
  /** It waits no longer, unless it is being carried out already. */
  withdraw(): void
}

/**
 * Changes of targets whose links are about to be stored: a mapping in the other direction would find no link, and create
 * the source a second time. They are carried over when the link is there.
 */
export class AwaitedLinks {
  /** By type of links and target, in their order. */
  readonly #waiting = new Map<string, Added[]>()
  /** How often each is under way. */
  readonly #hops = new Map<string, number>()

  /** A hop, or a run, begins. It ends with `end`. */
  begin(hop: string): void {
    this.#hops.set(hop, (this.#hops.get(hop) ?? 0) + 1)
  }

  /** Whether a link may still be stored by it. */
  isOpen(hop: string): boolean {
    return this.#hops.has(hop)
  }

  /** @param waiting its `work` carries the change over */
  add(place: string, waiting: Waiting): AwaitingChange {
    const { promise: ended, resolve: end } = Promise.withResolvers<Awaited>()
    const added = { ...waiting, end }
    this.#keep(place, [...(this.#waiting.get(place) ?? []), added])
    const withdraw = () => {
      const all = this.#waiting.get(place) ?? []
      if (!all.includes(added)) return
      this.#keep(
        place,
        all.filter((one) => one !== added),
      )
      end('withdrawn')
    }
    return { ended, withdraw }
  }

  /** The link of a target is stored; resolves when its changes are carried over. */
  async linked(place: string): Promise<void> {
    const found = this.#waiting.get(place) ?? []
    this.#waiting.delete(place)
    await carryOut(found)
  }

  /** The target gets no link after all: what was to be carried over would create its source again. */
  forget(place: string): void {
    const found = this.#waiting.get(place) ?? []
    this.#waiting.delete(place)
    for (const { end } of found) end('forgotten')
  }

  /** A hop, or a run, has ended: what is left was not about its own targets. */
  async end(hop: string): Promise<void> {
    const others = (this.#hops.get(hop) ?? 1) - 1
    if (others > 0) this.#hops.set(hop, others)
    else this.#hops.delete(hop)
    for (const [place, all] of [...this.#waiting]) {
      this.#keep(
        place,
        all.filter((one) => one.hop !== hop),
      )
      await carryOut(all.filter((one) => one.hop === hop))
    }
  }

  #keep(place: string, all: Added[]): void {
    if (all.length > 0) this.#waiting.set(place, all)
    else this.#waiting.delete(place)
  }
}

async function carryOut(found: readonly Added[]): Promise<void> {
  for (const { work, end } of found) {
    await work()
    end('carriedOut')
  }
}

export const linkPlace = (type: string, targetKey: string): string => `${type}\u0000${targetKey}`
