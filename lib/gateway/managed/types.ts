import { badRequest, notFound, notSupported, serviceUnavailable } from '../../crest/errors.ts'
import { queryInMemory } from '../../crest/protocol/page.ts'
import type { Resource, ResourceHandler, ResourceRequest } from '../../crest/protocol/request.ts'

/**
 * The resource `managed`: the list of managed types. Paths below it belong to unknown types.
 * @param fault why no type is available
 */
export function managedTypes(names: () => readonly string[], fault: () => string | undefined): ResourceHandler {
  const requireRoot = (path: string): void => {
    const why = fault()
    if (why !== undefined) throw serviceUnavailable(`The managed objects are closed: ${why}`)
    if (path !== '') throw notFound(`Resource 'managed/${path}' not found`)
  }
  const refuse = async ({ method, resourcePath }: ResourceRequest): Promise<never> => {
    requireRoot(resourcePath)
    throw notSupported(`The list of managed types does not support ${method}`)
  }
  return {
    create: refuse,
    update: refuse,
    patch: refuse,
    delete: refuse,
    action: refuse,
    read: async ({ resourcePath }) => {
      requireRoot(resourcePath)
      return { id: '', revision: null, content: { objects: names().map((name) => ({ name })) } }
    },
    query: async (request) => {
      requireRoot(request.resourcePath)
      if (request.queryFilter) return queryInMemory(names().map(typeOf), request)
      throw badRequest('This resource is queried with _queryFilter only')
    },
  }
}

const typeOf = (name: string): Resource => ({ id: name, revision: null, content: { name } })
