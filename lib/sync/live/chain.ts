/** Implicit synchronization that leads to further implicit synchronization: bounded, and named. */
import type { RequestContext } from '../../crest/protocol/request.ts'

/** `MAPPING/ID` of each hop, the first one first. */
export type Chain = readonly string[]

const MAX_HOPS = 10
/** How often a chain may come to one object in one mapping: the second time, what the first one led to comes back. */
const MAX_VISITS = 2

/** Why a hop is not carried out; undefined = nothing speaks against it. */
export function lengthFault(chain: Chain, hop: string): string | undefined {
  if (chain.length < MAX_HOPS) return undefined
  return `A chain of implicit synchronization has more than ${MAX_HOPS} hops: ${printed([...chain, hop])}. ${CURE}`
}

/** Why a hop with something to write is not carried out. */
export function returnFault(chain: Chain, hop: string): string | undefined {
  if (chain.filter((one) => one === hop).length < MAX_VISITS) return undefined
  return `Implicit synchronization goes round: ${printed([...chain, hop])}. ${CURE}`
}

const CURE =
  'Nothing was done at the last one. Let the hooks and mappings on the way write only what differs, or set "enableSync": false in one of the mappings'

const printed = (chain: Chain): string => chain.join(' -> ')

/** The caller of a hop: that of the change, without the signal of its request, since the hop goes on when that is canceled. */
export function callerWithin(
  { security, agent, http, transactionId, syncChain = [] }: RequestContext,
  hop: string,
): RequestContext {
  return {
    ...(security && { security }),
    ...(agent !== undefined && { agent }),
    ...(http && { http }),
    ...(transactionId !== undefined && { transactionId }),
    syncChain: [...syncChain, hop],
  }
}
