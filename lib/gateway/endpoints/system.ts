import type { Json } from '../../contract.ts'
import { badRequest } from '../../crest/errors.ts'
import type { ResourceHandler } from '../../crest/protocol/request.ts'
import { missing } from './listed.ts'

/** The responses of an IDM without connectors. */
const ANSWERS: ReadonlyMap<string, Json> = new Map<string, Json>([
  ['test', []],
  ['testConnectorServers', { openicf: [] }],
  ['availableConnectors', { connectorRef: [] }],
])

/** `system`: there are no connectors. */
export const system: ResourceHandler = {
  read: async ({ resourcePath }) => {
    throw missing('system', resourcePath)
  },
  query: async ({ resourcePath }) => {
    throw missing('system', resourcePath)
  },
  action: async ({ resourcePath, action }) => {
    if (resourcePath !== '') throw missing('system', resourcePath)
    const answer = ANSWERS.get(action)
    if (answer === undefined) throw badRequest(`Unsupported action: ${action}`)
    return answer
  },
}
