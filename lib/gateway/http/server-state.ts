/** Where the gateway is in its life, as IDM's health endpoints name it. */
export type StateName = 'STARTING' | 'ACTIVE_READY' | 'ACTIVE_NOT_READY' | 'STOPPING'

const DESCRIPTIONS: Readonly<Record<StateName, string>> = {
  STARTING: 'OpenIDM starting',
  ACTIVE_READY: 'OpenIDM ready',
  ACTIVE_NOT_READY: 'OpenIDM cannot write to its database',
  STOPPING: 'OpenIDM stopping',
}

/** An unreachable remote does not make the gateway less ready: only its own life counts. */
export class ServerState {
  #name: Exclude<StateName, 'ACTIVE_NOT_READY'> = 'STARTING'
  #fault: () => string | undefined = () => undefined

  get name(): StateName {
    return this.#name === 'ACTIVE_READY' && this.#fault() !== undefined ? 'ACTIVE_NOT_READY' : this.#name
  }

  /** Requests are served. */
  get isServing(): boolean {
    return this.#name === 'ACTIVE_READY'
  }

  /** Requests are served, and nothing is wrong: looks at the disk. */
  get ready(): boolean {
    return this.name === 'ACTIVE_READY'
  }

  get shortDesc(): string {
    return DESCRIPTIONS[this.name]
  }

  /** @param fault why the gateway cannot do all of its work; asked for each health check */
  watch(fault: () => string | undefined): void {
    this.#fault = fault
  }

  enter(name: Exclude<StateName, 'ACTIVE_NOT_READY'>): void {
    this.#name = name
  }
}
