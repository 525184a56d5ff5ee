import { type FaultName, faultOf, UNSENT_FAULTS } from '../../core/http/fault.ts'
import { ResourceException } from '../../crest/errors.ts'

/** Thrown before a creation that an earlier request may have carried out, and of which nothing tells. */
export class UnknownOutcome extends ResourceException {
  /** @param cure what is to be done about it */
  constructor(cure?: string) {
    super(409, cure === undefined ? IN_DOUBT : `${IN_DOUBT}. ${cure}`)
  }
}

const IN_DOUBT = 'An earlier request may have created the target under an id of its own: it is not repeated'

/** Faults before the request has left. The last ones may come later, too, but hardly ever do. */
const UNSENT: ReadonlySet<FaultName> = new Set<FaultName>([
  ...UNSENT_FAULTS,
  ...(['unreachable', 'tlsExpected', 'tls', 'forwardProxy', 'connect'] as const),
])

/**
 * Whether a write that failed may have been carried out. After 429, 503 and 501 it was not (see `SharedBackoff`), and
 * what is no answer of the target comes before the request.
 */
export function isUncertain(error: unknown): boolean {
  if (!(error instanceof ResourceException)) return false
  const { code, cause } = error
  if (code !== 408 && (code < 500 || code === 501 || code === 503)) return false
  return !(cause instanceof Error && UNSENT.has(faultOf(cause)))
}

/**
 * Whether the target refused a creation with an id for good, so that nothing was created. 412 is none: the object exists.
 */
export const isRefusal = (error: unknown): boolean =>
  error instanceof ResourceException && [400, 403, 404, 405, 409, 415, 422, 501].includes(error.code)
