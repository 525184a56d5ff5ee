import { Agent } from 'node:http'
import { type CallOptions, open, request } from '../helpers/http.ts'
import { pattern } from '../helpers/pattern.ts'

const ADMIN = { 'x-openidm-username': 'openidm-admin', 'x-openidm-password': 'openidm-admin' }
const CALLERS = 16
const LARGE = pattern(200_000)

type Act = (load: Load, n: number) => Promise<void>

/** What half of the callers do, who wait for nothing that is ill. */
const QUICK: readonly Act[] = [
  (load, n) => load.good(`external/idm/well/${n}`),
  (load, n) => load.good(`external/idm/guarded/${n}`),
  (load, n) => load.some(`external/idm/well/${n}`, { method: 'POST', json: { n } }),
]

/** What the others do, one after the other. */
const ACTS: readonly Act[] = [
  (load, n) => load.good(`external/idm/well/${n}`),
  (load, n) => load.good(`external/idm/guarded/${n}`),
  (load) => load.good('external/idm/well/large'),
  (load, n) => load.some(`external/idm/well/${n}`, { method: 'POST', json: { n, text: 'x'.repeat(2000) } }),
  (load, n) => load.some(`external/idm/guarded/${n}`, { method: 'PUT', body: LARGE }),
  (load, n) => load.some(`external/idm/ill/${n}`),
  (load, n) => load.some(`external/idm/dead/${n}`),
  (load, n) => load.some(`external/idm/comes-and-goes/${n}`),
  (load) => load.leaveEarly('external/idm/well/large'),
  (load) => load.good('external/idm?_queryFilter=true'),
  (load) => load.some('external/idm/well/../x'),
  (load) => load.some('external/idm/well?_action=test', { method: 'POST' }),
]

/** Callers that go through their acts, over kept and over new connections, and rest when they are told to. */
export class Load {
  answers = 0
  /** Answers other than 200 where nothing was wrong. */
  readonly failures: string[] = []
  readonly #base: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CALLERS, timeout: 3000 })
  #going: Promise<unknown> = Promise.resolve()
  #running = false

  constructor(port: number) {
    this.#base = `http://127.0.0.1:${port}/openidm/`
  }

  go(): void {
    this.#running = true
    this.#going = Promise.all(Array.from({ length: CALLERS }, (_, n) => this.#caller(n)))
  }

  /** Resolves when every caller has its last answer, and all connections of theirs are closed. */
  async rest(): Promise<void> {
    this.#running = false
    await this.#going
    this.#agent.destroy()
  }

  /** One that must be answered well. */
  async good(path: string): Promise<void> {
    const { status, text } = await this.call(path)
    if (status !== 200) this.failures.push(`${path}: ${status} ${text}`)
  }

  async some(path: string, options: CallOptions = {}): Promise<void> {
    await this.call(path, options).catch(() => undefined)
  }

  async leaveEarly(path: string): Promise<void> {
    const { outgoing, answer } = open(this.#base + path, { headers: ADMIN })
    await answer.catch(() => undefined)
    outgoing.destroy()
  }

  async call(path: string, { headers, ...options }: CallOptions = {}) {
    const agent = Math.random() < 0.7 ? { agent: this.#agent } : {}
    const answer = await request(this.#base + path, { ...options, ...agent, headers: { ...ADMIN, ...headers } })
    this.answers++
    return answer
  }

  async #caller(first: number): Promise<void> {
    const acts = first % 2 === 0 ? QUICK : ACTS
    for (let n = first; this.#running; n++) {
      try {
        await acts[n % acts.length]?.(this, n)
      } catch (error) {
        this.failures.push(String(error))
      }
    }
  }
}
