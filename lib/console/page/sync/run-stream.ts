/** A run and its plan as they go on: by a stream while the page is seen, by asking again elsewhere. */
import { ApiError, call, follow } from '../api.ts'
import type { Plan, Run } from './model.ts'

export interface Shown {
  readonly run: Run
  readonly plan: Plan | undefined
}

/** After a stream has broken, or where there are none. */
const POLL_ACTIVE_MS = 700
/** A browser has few connections for all its tabs: a hidden page holds none. */
const POLL_HIDDEN_MS = 3000
/** Ended runs change by what others do with them. */
const POLL_ENDED_MS = 15_000

export const pollOf = ({ run }: Shown): number => {
  if (run.state !== 'ACTIVE') return POLL_ENDED_MS
  return document.hidden ? POLL_HIDDEN_MS : POLL_ACTIVE_MS
}

/** Follows one run. What it has seen last is not sent to it again. */
export class RunStream {
  readonly #id: string
  #seen: { run?: Run; plan?: Plan | undefined; eventId?: string | undefined } = {}

  constructor(id: string) {
    this.#id = id
  }

  /** Resolves when the run has ended, or to be called again. @throws ApiError */
  readonly load = async (signal: AbortSignal, show: (shown: Shown) => void): Promise<Shown> => {
    if (document.hidden) return this.#read(signal)
    const hidden = new AbortController()
    const hide = () => document.hidden && hidden.abort()
    document.addEventListener('visibilitychange', hide)
    try {
      return await this.#follow(AbortSignal.any([signal, hidden.signal]), show)
    } catch (error) {
      // All streams of this account are in use, or the page has been hidden.
      if (hidden.signal.aborted || (error instanceof ApiError && error.status === 429)) return this.#read(signal)
      throw error
    } finally {
      document.removeEventListener('visibilitychange', hide)
    }
  }

  async #follow(signal: AbortSignal, show: (shown: Shown) => void): Promise<Shown> {
    const { eventId } = this.#seen
    const answer = await follow<Run>(
      `recon/${this.#id}`,
      eventId === undefined ? {} : { 'Last-Event-ID': eventId },
      signal,
      ({ name, id, data }) => {
        if (name === 'plan') this.#seen = { ...this.#seen, plan: data as unknown as Plan }
        if (name === 'run') this.#seen = { ...this.#seen, run: data as unknown as Run }
        if (id !== undefined) this.#seen.eventId = id
        const { run, plan } = this.#seen
        if (run) show({ run, plan })
      },
    )
    const { run, plan } = this.#seen
    return answer || !run ? this.#read(signal, answer) : { run, plan }
  }

  async #read(signal: AbortSignal, known?: Run): Promise<Shown> {
    const run = known ?? (await call<Run>('GET', `recon/${this.#id}`, { signal }))
    const plan = await call<Plan>('GET', `recon/plan/${this.#id}`, { signal }).catch((error: unknown) => {
      if (error instanceof ApiError && (error.status === 403 || error.status === 404)) return undefined
      throw error
    })
    // The next stream tells all anew.
    this.#seen = {}
    return { run, plan }
  }
}
