import http from 'node:http'
import https from 'node:https'
import type { Disposable, JsonObject } from '../../contract.ts'
import type { z } from '../../core/schema.ts'
import { internalError } from '../../crest/errors.ts'
import type { Connection } from '../../crest/protocol/connection.ts'
import type { Setting } from '../project/setting.ts'
import { type IntrospectionEndpoint, introspect } from './introspection.ts'
import { RsFilter } from './rs-filter.ts'
import type { authenticationSchema, RsFilterProperties } from './rs-filter-properties.ts'

const MOST_SOCKETS = 16
/** Nothing is kept, neither connections nor TLS sessions, so that a change of trust counts at once. */
const AGENT = { keepAlive: false, maxSockets: MOST_SOCKETS, maxCachedSessions: 0 }

export interface TokenIdentitiesOptions {
  readonly setting: Pick<Setting<z.infer<typeof authenticationSchema>>, 'value'>
  readonly secureContext: IntrospectionEndpoint['secureContext']
  /** Where `subjectMapping` looks for users. */
  readonly connection: Connection
}

/** The filter for bearer tokens as configuration has it now, and the connections it needs. */
export class TokenIdentities implements Disposable {
  readonly #options: TokenIdentitiesOptions
  readonly #agents = { http: new http.Agent(AGENT), https: new https.Agent(AGENT) }
  #current: { readonly properties: RsFilterProperties; readonly filter: RsFilter } | undefined

  constructor(options: TokenIdentitiesOptions) {
    this.#options = options
  }

  get rsFilter(): RsFilter | undefined {
    const properties = this.#options.setting.value.rsFilter
    if (properties === undefined) return undefined
    if (this.#current?.properties !== properties) this.#current = { properties, filter: this.#make(properties) }
    return this.#current.filter
  }

  dispose(): void {
    this.#agents.http.destroy()
    this.#agents.https.destroy()
  }

  #make(properties: RsFilterProperties): RsFilter {
    const { secureContext, connection } = this.#options
    const { tokenIntrospectUrl: url, clientId, clientSecret } = properties
    const endpoint = { url, clientId, clientSecret, secureContext, agents: this.#agents }
    return new RsFilter({
      properties,
      introspect: (token) => introspect(endpoint, token),
      findUser: (collection, property, value) => findUser(connection, collection, property, value),
    })
  }
}

/** More than one match is nobody: who is meant cannot be known. */
async function findUser(
  connection: Connection,
  collection: string,
  property: string,
  value: string,
): Promise<JsonObject | undefined> {
  const filter = `${property} eq ${JSON.stringify(value)}`
  try {
    const { result } = await connection.query(collection, { _queryFilter: filter, _pageSize: 2 })
    return result.length === 1 ? result[0] : undefined
  } catch (cause) {
    throw internalError('The user of the token could not be looked for', { cause })
  }
}
