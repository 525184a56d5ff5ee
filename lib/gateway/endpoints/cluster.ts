import type { JsonObject } from '../../contract.ts'
import type { ResourceHandler } from '../../crest/protocol/request.ts'
import { listed, resource } from './listed.ts'

/**
 * The nodes of the cluster: this one. `GET cluster` answers
 * `{ "results": [{ "instanceId", "startup", "state": "running", "shutdown": "" }] }`, `GET cluster/NODE` one of them.
 * @param nodeId `openidm.node.id`
 */
export function cluster(nodeId: () => string): ResourceHandler {
  const startup = new Date(performance.timeOrigin).toISOString()
  const node = (): JsonObject => ({ instanceId: nodeId(), startup, state: 'running', shutdown: '' })
  const nodes = listed('cluster', () => [resource(nodeId(), node())])
  return {
    ...nodes,
    read: async (request) => (request.resourcePath === '' ? resource('', { results: [node()] }) : nodes.read(request)),
  }
}
