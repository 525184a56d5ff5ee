import type { IncomingMessage } from 'node:http'
import type { HttpHandler } from '../../contract.ts'
import { type EffectiveRequest, effectiveRequestOf } from '../../crest/http/effective-request.ts'
import { sendError, sendJson } from '../../crest/http/http.ts'
import { type Connection, connect } from '../../crest/protocol/connection.ts'
import type { ResourceRouter } from '../../crest/protocol/router.ts'
import type { AccessRule } from '../access/access-rules.ts'
import { type DescribedType, describeApi } from '../api-description/description.ts'
import { packageVersion } from '../project/package-info.ts'
import { asksForPermissions, judgeOf, permissions } from './permissions.ts'

export interface ApiDescriptionOptions {
  readonly router: ResourceRouter
  readonly configuration: { readonly access: { readonly value: readonly AccessRule[] } }
}

/**
 * Whether the request asks what the caller may use: `GET /openidm/?_api`, or `?_allowed=…`. Everybody who is signed in may
 * know, since the answer holds nothing else.
 */
export const asksForOwnRights = (effective: EffectiveRequest): boolean =>
  effective.method === 'GET' &&
  effective.path.strict === '' &&
  effective.path.loose === '' &&
  (effective.parameters.some(({ name }) => name === '_api') || asksForPermissions(effective))

/** Answers `GET /openidm/?_api` with an OpenAPI 3.1 document, and `?_allowed=…` with what is allowed. */
export function apiDescription({ router, configuration }: ApiDescriptionOptions): HttpHandler {
  const connection = connect(router, { agent: 'api description' })
  return (request, response, next) => {
    const effective = effectiveRequestOf(request)
    if (!asksForOwnRights(effective)) return next()
    const rules = configuration.access.value
    const answer = async () =>
      asksForPermissions(effective) ? permissions(request, rules) : describe(request, router, rules, connection)
    answer().then(
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
  const mayUse = judgeOf(request, rules)
  return describeApi({
    version: packageVersion(),
    types: await typesOf(router, connection),
    served: router.served,
    mayUse: (path, operation) => mayUse({ strict: path, loose: path }, operation),
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
