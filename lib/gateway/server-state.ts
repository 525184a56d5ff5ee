/** Where the gateway is in its life, as IDM's health endpoints name it. */
export type StateName = 'STARTING' | 'ACTIVE_READY' | 'STOPPING'

const DESCRIPTIONS: Readonly<Record<StateName, string>> = {
  STARTING: 'OpenIDM starting',
  ACTIVE_READY: 'OpenIDM ready',
  STOPPING: 'OpenIDM stopping',
}

/** An unreachable remote does not make the gateway less ready: only its own life counts (60-identity.md, section 7). */
export class ServerState {
  #name: StateName = 'STARTING'

  get name(): StateName {
    return this.#name
  }

  get ready(): boolean {
    return this.#name === 'ACTIVE_READY'
  }

  get shortDesc(): string {
    return DESCRIPTIONS[this.#name]
  }

  enter(name: StateName): void {
    this.#name = name
  }
}
