/** When something last went wrong, for the status of an instance. */
export interface LastError {
  readonly message: string
  /** ISO 8601. */
  readonly time: string
}

/** Whether the exchanges with a remote succeed. Reading and noting are cheap: this stands on the way of each request. */
export class Health {
  #lastError: LastError | null = null
  #since = new Date()
  #failing = false

  get failing(): boolean {
    return this.#failing
  }

  /** When it began to be as it is. */
  get since(): Date {
    return this.#since
  }

  /** Stays after a recovery, so that a fault of last night can be found. */
  get lastError(): LastError | null {
    return this.#lastError
  }

  succeeded(): void {
    if (this.#failing) this.#turn(false)
  }

  /** @returns true when this is the first failure after a success: the one worth a line in the log */
  failed(message: string): boolean {
    const first = !this.#failing
    this.#lastError = { message, time: new Date().toISOString() }
    if (first) this.#turn(true)
    return first
  }

  #turn(failing: boolean): void {
    this.#failing = failing
    this.#since = new Date()
  }
}
