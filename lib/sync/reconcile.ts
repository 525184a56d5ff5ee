import type { JsonObject, ReconcileOptions, Synchronization } from '../contract.ts'
import { badRequest } from '../crest/errors.ts'
import { parseOverrides } from './context/run-options.ts'
import type { ReconService } from './runs/recon-service.ts'

/** Reconciliation for code: resolves to the ended run. */
export const reconciler =
  (service: Pick<ReconService, 'start' | 'cancel' | 'get'>): Synchronization['reconcile'] =>
  async (mapping, options = {}) => {
    const { signal } = options
    signal?.throwIfAborted()
    const run = await service.start(mapping, runOptions(options))
    // A run that has ended ignores it.
    const cancel = () => void service.cancel(run.id).catch(() => undefined)
    signal?.addEventListener('abort', cancel, { once: true })
    if (signal?.aborted) cancel()
    await run.ended
    signal?.removeEventListener('abort', cancel)
    return service.get(run.id)
  }

function runOptions({ dryRun = false, ids, changed, overrides }: ReconcileOptions) {
  // An empty selection of the caller must not become all objects.
  if (ids?.length === 0) throw badRequest('The option ids is empty: omit it to reconcile all sources')
  const settings: JsonObject | null = overrides ?? null
  return {
    action: ids ? 'reconById' : 'recon',
    ids: ids ?? [],
    isAnalysis: dryRun,
    persists: dryRun,
    overrides: parseOverrides(settings),
    ...(changed && { changed }),
  } as const
}
