import type { JsonObject } from '../../contract.ts'
import type { HttpContext, RequestContext, SecurityContext } from '../../crest/protocol/request.ts'

/** The variable `context`: the chain root -> security -> http -> router, with each context by name, too. */
export function contextVariable({ security, http, transactionId }: RequestContext): JsonObject {
  const caller = { external: http !== undefined }
  const named: readonly (readonly [string, JsonObject | undefined])[] = [
    ['transactionId', transactionId === undefined ? undefined : { transactionId: { value: transactionId } }],
    ['security', security && securityVariable(security)],
    ['http', http && httpVariable(http)],
    ['caller', caller],
  ]
  const present = named.filter((entry): entry is readonly [string, JsonObject] => entry[1] !== undefined)
  const root: JsonObject = { name: 'root', id: transactionId ?? '' }
  const chain = present.reduce<JsonObject>((parent, [name, content]) => ({ name, ...content, parent }), root)
  return { ...Object.fromEntries(present), current: { name: 'router', parent: chain }, parent: chain }
}

const securityVariable = ({ authenticationId, authorization }: SecurityContext): JsonObject => ({
  authenticationId,
  authorization: { ...authorization, roles: [...authorization.roles] },
})

const httpVariable = ({ method, path, headers, parameters, remoteAddress }: HttpContext): JsonObject => ({
  method,
  path,
  headers: { ...headers },
  parameters: { ...parameters },
  remoteAddress,
})
