import type { JsonObject } from '../../contract.ts'
import type { Awaitable } from '../../core/awaitable.ts'
import { notFound } from '../../crest/errors.ts'
import { queryInMemory } from '../../crest/protocol/page.ts'
import type { Resource, ResourceHandler } from '../../crest/protocol/request.ts'

/** A resource without revision. */
export const resource = (id: string, content: JsonObject): Resource => ({ id, revision: null, content })

/** The error for a path without a resource. */
export const missing = (route: string, path: string) =>
  notFound(`Resource '${path === '' ? route : `${route}/${path}`}' not found`)

/** One resource at `route` itself, read-only. */
export const single = (route: string, content: () => Awaitable<JsonObject>): ResourceHandler => ({
  read: async ({ resourcePath }) => {
    if (resourcePath !== '') throw missing(route, resourcePath)
    return resource('', await content())
  },
})

/** Read-only resources below `route`, computed for each request. */
export const listed = (route: string, resources: () => Awaitable<readonly Resource[]>) =>
  ({
    read: async ({ resourcePath }) => {
      const found = (await resources()).find(({ id }) => id === resourcePath)
      if (!found) throw missing(route, resourcePath)
      return found
    },
    query: async (request) => {
      if (request.resourcePath !== '') throw missing(route, request.resourcePath)
      return queryInMemory(await resources(), request)
    },
  }) satisfies ResourceHandler
