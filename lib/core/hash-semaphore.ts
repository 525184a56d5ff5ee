import { MAX_CONCURRENT_HASHES, MAX_CONCURRENT_LOGINS, MAX_WAITING_LOGINS } from './bounds.ts'

/** Why a password is hashed: anyone can log in; everything else needs rights. */
export type HashPurpose = 'login' | 'other'

/** @see HashSemaphore */
export class TooManyLogins extends Error {
  constructor() {
    super(`More than ${MAX_WAITING_LOGINS} logins wait for their check`)
    this.name = 'TooManyLogins'
  }
}

interface Lane {
  running: number
  readonly max: number
  readonly waiting: (() => void)[]
}

/**
 * A semaphore for password hashes, which occupy a thread for a tenth of a second. Logins have a short queue of their own
 * and take precedence. They never take all threads, so that files can be read and names resolved during a guessing attack.
 */
export class HashSemaphore {
  readonly #lanes: Readonly<Record<HashPurpose, Lane>> = {
    login: { running: 0, max: MAX_CONCURRENT_LOGINS, waiting: [] },
    other: { running: 0, max: MAX_CONCURRENT_HASHES, waiting: [] },
  }

  /** @throws TooManyLogins when the queue of the logins is full */
  async run<T>(purpose: HashPurpose, work: () => Promise<T>): Promise<T> {
    const lane = this.#lanes[purpose]
    if (!this.#take(lane)) await this.#wait(purpose, lane)
    try {
      return await work()
    } finally {
      lane.running -= 1
      this.#startNext()
    }
  }

  #take(lane: Lane): boolean {
    const { login, other } = this.#lanes
    if (lane.running >= lane.max || login.running + other.running >= MAX_CONCURRENT_HASHES) return false
    lane.running += 1
    return true
  }

  #wait(purpose: HashPurpose, { waiting }: Lane): Promise<void> {
    if (purpose === 'login' && waiting.length >= MAX_WAITING_LOGINS) throw new TooManyLogins()
    return new Promise((resolve) => waiting.push(resolve))
  }

  #startNext(): void {
    for (const lane of [this.#lanes.login, this.#lanes.other]) {
      if (lane.waiting.length > 0 && this.#take(lane)) lane.waiting.shift()?.()
    }
  }
}
