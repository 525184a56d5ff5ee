import type { Setting } from '../../config/files/setting.ts'
import type { JsonObject } from '../../contract.ts'
import { internalError } from '../../crest/errors.ts'
import type { Connection } from '../../crest/protocol/connection.ts'
import type { AuthenticationSettings } from './authentication-properties.ts'
import type { IntrospectionClient } from './introspection.ts'
import { RsFilter } from './rs-filter.ts'
import type { RsFilterProperties } from './rs-filter-properties.ts'

export interface TokenIdentitiesOptions {
  readonly setting: Pick<Setting<AuthenticationSettings>, 'value'>
  readonly introspection: IntrospectionClient
  /** Queried for the users of `subjectMapping`. */
  readonly connection: Connection
}

/** Provides the filter for bearer tokens of the current configuration. */
export class TokenIdentities {
  readonly #options: TokenIdentitiesOptions
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

  #make(properties: RsFilterProperties): RsFilter {
    const { introspection, connection } = this.#options
    const { tokenIntrospectUrl: url, clientId, clientSecret } = properties
    return new RsFilter({
      properties,
      introspect: (token) => introspection.introspect({ url, clientId, clientSecret }, token),
      findUser: (collection, property, value) => findUser(connection, collection, property, value),
    })
  }
}

/** Ambiguous matches count as not found. */
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
    throw internalError('The user of the token could not be queried', { cause })
  }
}
