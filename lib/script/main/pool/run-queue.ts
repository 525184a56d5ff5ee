import type { Run } from './run.ts'

/** Runs that wait for a thread, in FIFO order for each depth. */
export class RunQueue {
  /** By depth. */
  readonly #runs = new Map<number, Run[]>()
  #length = 0

  get length(): number {
    return this.#length
  }

  push(run: Run): void {
    const runs = this.#runs.get(run.task.depth)
    if (runs) runs.push(run)
    else this.#runs.set(run.task.depth, [run])
    this.#length += 1
  }

  /** The oldest run with an admitted depth. */
  oldest(isAdmitted: (depth: number) => boolean): Run | undefined {
    let oldest: Run | undefined
    for (const [depth, [first]] of this.#runs) {
      if (first && isAdmitted(depth) && (!oldest || first.order < oldest.order)) oldest = first
    }
    return oldest
  }

  /** @returns false when it is not in the queue */
  remove(run: Run): boolean {
    const runs = this.#runs.get(run.task.depth) ?? []
    const index = runs.indexOf(run)
    if (index < 0) return false
    runs.splice(index, 1)
    if (runs.length === 0) this.#runs.delete(run.task.depth)
    this.#length -= 1
    return true
  }

  /** Removes and returns all runs. */
  clear(): Run[] {
    const all = [...this.#runs.values()].flat()
    this.#runs.clear()
    this.#length = 0
    return all
  }
}
