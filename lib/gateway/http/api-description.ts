import type { IncomingMessage } from 'node:http'
import type { HttpHandler } from '../../contract.ts'
import { type EffectiveRequest, effectiveRequestOf } from '../../crest/http/effective-request.ts'
import { sendError, sendJson } from '../../crest/http/http.ts'
import { type Connection, connect } from '../../crest/protocol/connection.ts'
import type { ResourceRouter } from '../../crest/protocol/router.ts'
import { isAllowed } from '../access/access.ts'
import type { AccessRule } from '../access/access-rules.ts'
import { type DescribedType, describeApi } from '../api-description/description.ts'
import { packageVersion } from '../project/package-info.ts'
import { recordOf } from './request-record.ts'

export interface ApiDescriptionOptions {
  readonly router: ResourceRouter
  readonly configuration: { readonly access: { readonly value: readonly AccessRule[] } }
}

/**
 * Whether the request asks for the description of the API: `GET /openidm/?_api`. Everybody who is signed in may have it,
 * since it holds what the caller may use, and nothing else.
 */
export const asksForDescription = ({ method, path, parameters }: EffectiveRequest): boolean =>
  method === 'GET' && path.strict === '' && path.loose === '' && parameters.some(({ name }) => name === '_api')

/** Answers `GET /openidm/?_api` with an OpenAPI 3.1 document. */
export function apiDescription({ router, configuration }: ApiDescriptionOptions): HttpHandler {
  const connection = connect(router, { agent: 'api description' })
  return (request, response, next) => {
    if (!asksForDescription(effectiveRequestOf(request))) return next()
    describe(request, router, configuration.access.value, connection).then(
      (document) => sendJson(response, 200, document),
      (error: unknown) => sendError(response, error),
    )
  }
}

async function describe(
  request: IncomingMessage,
  router: ResourceRouter,
  rules: readonly AccessRule[],
  connection: Connection,
) {
  const { identity } = recordOf(request)
  const roles = identity?.authorization.roles ?? []
  return describeApi({
    version: packageVersion(),
    types: await typesOf(router, connection),
    isServed: (route) => router.isTaken(route),
    mayUse: (path, operation) =>
      isAllowed(rules, roles, { path: { strict: path, loose: path }, operations: [operation] }, identity),
  })
}

async function typesOf(router: ResourceRouter, connection: Connection): Promise<DescribedType[]> {
  if (!router.routes('managed')) return []
  const objects = (await connection.read('managed'))?.objects
  const names = (Array.isArray(objects) ? objects : []).map((entry) => String((entry as { name?: unknown }).name))
  const types = await Promise.all(
    names.map(async (name) => {
      const schema = await connection.read(`schema/managed/${name}`).catch(() => undefined)
      return schema && { name, schema }
    }),
  )
  return types.filter((type) => type !== undefined && type !== null)
}
