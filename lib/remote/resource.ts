import { notFound, notSupported } from '../crest/errors.ts'
import type { ResourceHandler } from '../crest/request.ts'
import type { InstanceRegistry } from './registry.ts'
import { InstanceStatusResource } from './status.ts'

/**
 * The route `external/idm`: the list of instances, and the action `test` on one of them.
 * @param truststore the path of the trust store, for the commands in a cure
 */
export function remoteResource(registry: InstanceRegistry, truststore: string): ResourceHandler {
  const status = new InstanceStatusResource(registry, truststore)
  return {
    async query(request) {
      if (request.resourcePath !== '') throw notFound(registry.absence(request.resourcePath))
      return status.query(request)
    },
    async action(request) {
      if (request.resourcePath === '') throw notSupported('Actions are not supported on the list of instances')
      return status.action(request.resourcePath, request)
    },
  }
}
