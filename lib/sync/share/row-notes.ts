import type { RowLocks } from '../context/source-locks.ts'

/** In a participant, in place of the locks of the coordinator, which holds them: notes what that has to be told. */
export class RowNotes implements RowLocks {
  #touched: ReadonlySet<string> = new Set()
  #linked: string[] = []
  #unlinked: string[] = []

  /** @param touched see `SourceLocks.isTouched` */
  begin(touched: readonly string[]): void {
    this.#touched = new Set(touched)
  }

  row<T>(_mapping: string, _key: string, work: () => Promise<T>): Promise<T> {
    return work()
  }

  async ended(): Promise<void> {}

  isTouched(_mapping: string, key: string): boolean {
    return this.#touched.has(key)
  }

  readonly awaited = {
    linked: async (place: string): Promise<void> => void this.#linked.push(place),
    forget: (place: string): void => void this.#unlinked.push(place),
  }

  take(): { readonly linked: readonly string[]; readonly unlinked: readonly string[] } {
    const taken = { linked: this.#linked, unlinked: this.#unlinked }
    this.#linked = []
    this.#unlinked = []
    return taken
  }
}
