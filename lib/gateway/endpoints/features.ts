import type { JsonObject } from '../../contract.ts'
import type { Connection } from '../../crest/protocol/connection.ts'
import type { Resource, ResourceHandler } from '../../crest/protocol/request.ts'
import { listed, resource } from './listed.ts'

/** Features of IDM that this gateway does not have. */
const ABSENT = ['email', 'passwordReset', 'registration', 'retrieveUsername', 'workflow']

const feature = (name: string, endpoints: string[]): Resource =>
  resource(name, { name, enabled: endpoints.length > 0, endpoints })

/** `info/features?_queryFilter=true`: `{ "name", "enabled", "endpoints" }` for each. */
export const features = (connection: Connection): ResourceHandler =>
  listed('info/features', async () => {
    const configured = connection.queryAll('config', { _queryFilter: '_id sw "endpoint/"' }, ['_id', 'context'])
    const endpoints: string[] = []
    for await (const endpoint of configured) endpoints.push(routeOf(endpoint))
    return [feature('endpoint', endpoints), ...ABSENT.map((name) => feature(name, []))]
  })

const routeOf = ({ _id, context }: JsonObject): string => (typeof context === 'string' ? context : String(_id))
