import { notSupported } from '../../crest/errors.ts'
import type { ResourceHandler } from '../../crest/protocol/request.ts'
import type { ResourceRouter } from '../../crest/protocol/router.ts'

/** What one process alone can do: it knows in its own memory which reconciliation runs. */
const NOT_SHARED = ['recon', 'sync', 'audit/recon', 'repo/link', 'health/recon', 'scheduler'] as const

export const REFUSAL =
  'Reconciliation is not available in a gateway with several workers: start one without --workers on this project for it'

const refuse = async (): Promise<never> => {
  throw notSupported(REFUSAL)
}

const refusing: ResourceHandler = {
  create: refuse,
  read: refuse,
  update: refuse,
  patch: refuse,
  delete: refuse,
  action: refuse,
  query: refuse,
}

/** Answers 501, with the reason, where one process would serve reconciliation. */
export function refuseSynchronization(router: ResourceRouter): void {
  for (const route of NOT_SHARED) router.add(route, refusing)
}
