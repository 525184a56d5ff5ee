import type { Logger } from '../../contract.ts'
import { commandLine } from '../../core/command-line.ts'
import { conflict } from '../../crest/errors.ts'
import type { LinkStore } from '../../repo/links/link-store.ts'
import type { EventStore, Pause } from '../../repo/queue/event-store.ts'
import type { Mapping } from '../mapping/mapping.ts'
import { hourlyDeletes } from './run-guards.ts'

export interface DeletionBrakeOptions {
  readonly events: EventStore
  readonly links: Pick<LinkStore, 'count'>
  readonly log: Logger
}

/** How long a counted number of targets is used. */
const COUNT_MS = 300_000

interface TargetCount {
  readonly targets: Promise<number>
  readonly until: number
}

/**
 * Limits the deletions of implicit synchronization, with or without queue: a mapping that would delete more targets within
 * an hour than it may deletes none until somebody releases it. It lasts over restarts.
 */
export class DeletionBrake {
  readonly #options: DeletionBrakeOptions
  readonly #pauses = new Map<string, Pause | null>()
  readonly #counts = new Map<string, TargetCount>()
  readonly #watchers = new Set<(mapping: string) => void>()

  constructor(options: DeletionBrakeOptions) {
    this.#options = options
  }

  /**
   * Called before a target is deleted, and counts it.
   * @returns what is called when it was not deleted after all
   * @throws conflict when the mapping deletes no more
   */
  async admit(mapping: Mapping): Promise<() => Promise<void>> {
    const { events } = this.#options
    const { name } = mapping
    const pause = await this.pauseOf(name)
    if (pause?.cause === 'brake') throw refused(pause)
    const { targets, allowed, printed } = await this.#limitOf(mapping)
    const { isAllowed, count } = await events.countDeletion(name, allowed)
    if (isAllowed) return () => events.uncountDeletion(name)
    const counted = mapping.enableLinking ? ` of about ${targets}` : ''
    const reason = `The mapping ${name} has deleted ${count}${counted} targets within an hour, and maxDeletesPerHour (${printed}) allows no more`
    throw refused(await this.#engage(name, reason))
  }

  /** Why the mapping stands still; null = it does not. */
  async pauseOf(mapping: string): Promise<Pause | null> {
    const known = this.#pauses.get(mapping)
    if (known !== undefined) return known
    const stored = await this.#options.events.pauseOf(mapping)
    // What was set meanwhile is newer.
    if (!this.#pauses.has(mapping)) this.#pauses.set(mapping, stored)
    return this.#pauses.get(mapping) ?? null
  }

  /** Lets the queue of a mapping stand still. */
  async pause(mapping: string, by: string): Promise<Pause> {
    const known = await this.pauseOf(mapping)
    // What the brake has stopped is not to be released as if it had not.
    if (known) return known
    return this.#set(mapping, { cause: 'hand', reason: `${by} has paused it`, by, since: new Date().toISOString() })
  }

  /** Lets the mapping go on, with a new hour of deletions. @returns what it was paused by */
  async release(mapping: string): Promise<Pause | null> {
    const pause = await this.pauseOf(mapping)
    await this.#options.events.forgetDeletions(mapping)
    this.#counts.delete(mapping)
    await this.#options.events.setPause(mapping, null)
    this.#pauses.set(mapping, null)
    this.#tell(mapping)
    return pause
  }

  /** Calls `watcher` when a mapping is paused or released. */
  watch(watcher: (mapping: string) => void): void {
    this.#watchers.add(watcher)
  }

  async #engage(mapping: string, reason: string): Promise<Pause> {
    await this.pauseOf(mapping)
    // Another deletion may have engaged it meanwhile.
    const known = this.#pauses.get(mapping)
    if (known?.cause === 'brake') return known
    const pause = await this.#set(mapping, { cause: 'brake', reason, by: null, since: new Date().toISOString() })
    this.#options.log.error({ mapping }, `${reason}. ${CURE(mapping)}`)
    return pause
  }

  async #set(mapping: string, pause: Pause): Promise<Pause> {
    this.#pauses.set(mapping, pause)
    await this.#options.events.setPause(mapping, pause)
    this.#tell(mapping)
    return pause
  }

  #tell(mapping: string): void {
    for (const watcher of this.#watchers) watcher(mapping)
  }

  async #limitOf(mapping: Mapping): Promise<{ targets: number; allowed: number; printed: string }> {
    const { maxDeletesPerHour: limit, name } = mapping
    const links = mapping.links ?? name
    if (limit && 'count' in limit) return { targets: await this.#targets(name, links), ...hourlyDeletes(0, limit) }
    const targets = mapping.enableLinking ? await this.#targets(name, links) : 0
    return { targets, ...hourlyDeletes(targets, limit) }
  }

  /** Counted once for deletions at the same moment: each takes a link away. */
  #targets(mapping: string, type: string): Promise<number> {
    const known = this.#counts.get(mapping)
    if (known && known.until > performance.now()) return known.targets
    const targets = this.#count(mapping, type)
    this.#counts.set(mapping, { targets, until: performance.now() + COUNT_MS })
    targets.catch(() => this.#counts.delete(mapping))
    return targets
  }

  /** As many as are linked, with those that were within the hour. */
  async #count(mapping: string, type: string): Promise<number> {
    const { events, links } = this.#options
    const queue = (await events.queues()).find((one) => one.mapping === mapping)
    return (await links.count(type)) + (queue?.deletions ?? 0)
  }
}

const CURE = (mapping: string): string =>
  `It deletes no target until it is released, and its queue is paused. Look at the changes, then: ${commandLine()} queue release ${mapping}`

const refused = ({ reason }: Pause) => conflict(`${reason}: somebody has to release the mapping (queue release)`)
