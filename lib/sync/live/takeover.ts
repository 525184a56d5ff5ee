import type { Logger } from '../../contract.ts'
import type { StoredClaim } from '../../repo/queue/event-store.ts'
import type { Repository } from '../../repo/repository.ts'
import type { LiveSync } from './live-sync.ts'

export interface TakeoverOptions {
  readonly repository: Pick<Repository, 'captures' | 'events' | 'ended'>
  readonly live: Pick<LiveSync, 'isUnderWay'>
  readonly log: Logger
}

/** A change at once that has not ended by then has been lost; carried out twice, it does no harm. */
const MAX_CLAIM_MS = 900_000
/** By then, a process that runs has asked the new leader, or has left to the queue what the last one did not answer. */
const CHANGEOVER_MS = 60_000

/**
 * Takes over what processes that have ended had under way: requests to captured remotes, and changes that were to be carried
 * over at once. One process does so, which leads the others.
 */
export class Takeover {
  readonly #options: TakeoverOptions
  readonly #begun = Date.now()

  constructor(options: TakeoverOptions) {
    this.#options = options
  }

  async all(): Promise<void> {
    await this.captures()
    await this.claims()
  }

  /** Turns the intents of captured requests into events. */
  async captures(): Promise<void> {
    const { repository, log } = this.#options
    const store = repository.captures()
    const ended = await repository.ended(await store.processes())
    const count = ended.length > 0 ? await store.recover(ended) : 0
    if (count > 0)
      log.info({ count }, `requests to remotes were under way when a process ended: ${count} may have changed objects`)
  }

  /** Leaves claimed changes to the queue. */
  async claims(): Promise<void> {
    const { repository, live } = this.#options
    const events = repository.events()
    const claims = await events.claims()
    const ended = await repository.ended([...new Set(claims.map(({ process }) => process))])
    const lost = lostClaims(claims, new Set(ended), { begun: this.#begun, now: Date.now() }).filter(
      (claim) => !live.isUnderWay(claim),
    )
    if (lost.length > 0) await events.releaseClaims(lost)
  }
}

/**
 * The claims that nobody ends any more, if they are not under way here.
 * @param begun when this process began to lead, in milliseconds since 1970: the last leader may have ended before it could store
 *   the end of a change that it had answered
 */
export function lostClaims(
  claims: readonly StoredClaim[],
  ended: ReadonlySet<string>,
  { begun, now }: { readonly begun: number; readonly now: number },
): string[] {
  const oldest = now - begun > CHANGEOVER_MS ? Math.max(begun, now - MAX_CLAIM_MS) : now - MAX_CLAIM_MS
  const isLost = ({ process, createDate }: StoredClaim) => ended.has(process) || Date.parse(createDate) < oldest
  return claims.filter(isLost).map(({ claim }) => claim)
}
