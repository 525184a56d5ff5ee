import type { Logger } from '../../contract.ts'
import type { EventStore } from '../../repo/queue/event-store.ts'
import type { StoredRun } from '../../repo/runs/run-store.ts'
import type { ReconService } from './recon-service.ts'
import { resumeOrLog } from './resume.ts'
import type { RunObserver } from './run-observer.ts'

/** The database may still be away. */
const PAUSE_MS = 1000

export interface OutageResumesOptions {
  readonly events: Pick<EventStore, 'misses'>
  readonly service: () => Pick<ReconService, 'stored' | 'resume'>
  /** Whether interrupted runs are resumed at this moment. */
  readonly isAsked: () => boolean
  readonly log: Logger
}

/** Resumes runs that an outage of the database has interrupted. */
export class OutageResumes implements RunObserver {
  readonly #options: OutageResumesOptions
  /** By run: how often the database had not been reached when it began. */
  readonly #misses = new Map<string, number>()

  constructor(options: OutageResumesOptions) {
    this.#options = options
  }

  started({ id }: StoredRun): void {
    this.#misses.set(id, this.#options.events.misses)
  }

  performed(): void {}

  async ended(id: string): Promise<void> {
    const { misses } = this.#options.events
    const before = this.#misses.get(id) ?? misses
    this.#misses.delete(id)
    if (misses > before) setTimeout(() => void this.#resume(id), PAUSE_MS).unref()
  }

  async #resume(id: string): Promise<void> {
    const { service, isAsked, log } = this.#options
    if (!isAsked()) return
    try {
      const run = await service().stored(id)
      const { content, mapping } = run
      if (content.resumable !== true) return
      log.info({ reconId: id, mapping }, `the reconciliation of ${mapping} is resumed: the database was away`)
      await resumeOrLog(service(), run, log)
    } catch (error) {
      log.error({ err: error, reconId: id }, `the run ${id} was not resumed: it cannot be read`)
    }
  }
}
