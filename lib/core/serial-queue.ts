/** Runs tasks one at a time, in the order in which they are added. A task that fails does not affect those after it. */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve()

  /** Settles as `task` does, which starts when all earlier tasks have ended. */
  add<T>(task: () => T | Promise<T>): Promise<T> {
    const result = this.#last.then(task)
    this.#last = result.catch(() => undefined)
    return result
  }

  /** Resolves when the tasks that have been added so far have ended. */
  async idle(): Promise<void> {
    await this.#last
  }
}
