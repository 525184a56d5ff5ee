import { isDeepStrictEqual } from 'node:util'
import type { JsonObject, Logger } from '../../../contract.ts'
import type { CaptureStore } from '../../../repo/queue/capture-store.ts'
import type { RunStore, StoredRun } from '../../../repo/runs/run-store.ts'
import { shownQuery } from '../../context/run-options.ts'
import type { Mapping } from '../../mapping/mapping.ts'
import type { MappingRegistry } from '../../mapping/registry.ts'
import type { RunObserver } from '../../runs/run-observer.ts'

export interface SweepNeedsOptions {
  readonly store: Pick<CaptureStore, 'sweepNeeds' | 'clearSweepNeed'>
  readonly runs: Pick<RunStore, 'find'>
  readonly mappings: Pick<MappingRegistry, 'find'>
  readonly log: Logger
}

/** Which mappings need a full run, because a captured request has changed objects that are not known. */
export class SweepNeeds implements RunObserver {
  readonly #options: SweepNeedsOptions

  constructor(options: SweepNeedsOptions) {
    this.#options = options
  }

  /** Since when, by mapping: ISO 8601. */
  async all(): Promise<ReadonlyMap<string, string>> {
    const needs = await this.#options.store.sweepNeeds()
    return new Map(needs.map(({ mapping, since }) => [mapping, since]))
  }

  started(): void {}

  performed(): void {}

  /** A full run without failures has read what was changed before it began. */
  async ended(id: string): Promise<void> {
    const { store, runs, mappings, log } = this.#options
    try {
      if ((await store.sweepNeeds()).length === 0) return
      const run = await runs.find(id)
      const mapping = run && mappings.find(run.mapping)?.mapping
      if (mapping && isSweep(run, mapping))
        await store.clearSweepNeed(mapping.name, Date.parse(String(run.content.started)))
    } catch (error) {
      log.error({ err: error, reconId: id }, 'it was not noted that a full reconciliation has ended')
    }
  }
}

/** Members of runs that have not read all sources since they began. */
const PARTIAL = ['approval', 'pilot', 'undoes', 'resumable'] as const

/** Whether a run has read all sources of its mapping since it began, and carried everything out. */
export function isSweep(
  { isAnalysis, state, content }: Pick<StoredRun, 'isAnalysis' | 'state' | 'content'>,
  mapping: Mapping,
): boolean {
  const { parameters, statusSummary, progress, incremental } = content as Record<string, JsonObject | undefined>
  const { FAILURE = 0, DEFERRED = 0 } = statusSummary ?? {}
  if (isAnalysis || state !== 'SUCCESS' || FAILURE !== 0 || DEFERRED !== 0) return false
  if (parameters?.sourceIds !== undefined || incremental?.changedSince !== undefined) return false
  if (!isDeepStrictEqual(parameters?.sourceQuery, shownQuery(mapping, 'source'))) return false
  // An empty source ends a run before anything is done.
  const { existing } = (progress?.source ?? {}) as { existing?: JsonObject }
  if (existing?.processed === 0 && !mapping.allowEmptySourceSet) return false
  return PARTIAL.every((name) => content[name] === undefined)
}
