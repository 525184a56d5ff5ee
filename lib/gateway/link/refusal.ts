import type { Synchronization } from '../../contract.ts'
import { notSupported } from '../../crest/errors.ts'
import type { ResourceHandler } from '../../crest/protocol/request.ts'
import type { ResourceRouter } from '../../crest/protocol/router.ts'

/** Routes that require a single process, since running reconciliations are tracked in memory. */
const SINGLE_PROCESS_ROUTES = ['recon', 'sync', 'audit/recon', 'repo/link', 'health/recon', 'scheduler'] as const

export const REFUSAL =
  'Reconciliation is not available in a gateway with several workers: start the gateway without --workers'

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

/** Answers 501 with a reason on the reconciliation routes, and to code. */
export function refuseSynchronization(router: ResourceRouter): Synchronization {
  for (const route of SINGLE_PROCESS_ROUTES) router.add(route, refusing)
  return { reconcile: refuse }
}
