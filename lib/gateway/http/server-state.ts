/** Life-cycle states, named as in IDM's health endpoints. */
export type StateName = 'STARTING' | 'ACTIVE_READY' | 'ACTIVE_NOT_READY' | 'STOPPING'

const DESCRIPTIONS: Readonly<Record<StateName, string>> = {
  STARTING: 'OpenIDM starting',
  ACTIVE_READY: 'OpenIDM ready',
  ACTIVE_NOT_READY: 'OpenIDM cannot write to its database or audit',
  STOPPING: 'OpenIDM stopping',
}

/** The life-cycle state of the gateway. Unreachable remotes do not affect it. */
export class ServerState {
  #name: Exclude<StateName, 'ACTIVE_NOT_READY'> = 'STARTING'
  #fault: () => string | undefined = () => undefined

  get name(): StateName {
    return this.#name === 'ACTIVE_READY' && this.#fault() !== undefined ? 'ACTIVE_NOT_READY' : this.#name
  }

  readonly #started = Promise.withResolvers<void>()

  /** Requests are served. */
  get isServing(): boolean {
    return this.#name === 'ACTIVE_READY'
  }

  /** Whether requests are served and no fault is known; checks the disk. */
  get ready(): boolean {
    return this.name === 'ACTIVE_READY'
  }

  get shortDesc(): string {
    return DESCRIPTIONS[this.name]
  }

  /** @param fault returns why the gateway is not fully operational; called on each health check */
  watch(fault: () => string | undefined): void {
    this.#fault = fault
  }

  enter(name: Exclude<StateName, 'ACTIVE_NOT_READY'>): void {
    this.#name = name
    if (name === 'ACTIVE_READY') this.#started.resolve()
  }

  /** Resolves when requests are served for the first time. */
  get started(): Promise<void> {
    return this.#started.promise
  }
}
