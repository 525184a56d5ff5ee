import type { ResourceHandler } from '../../crest/protocol/request.ts'
import { pathElements } from '../../crest/protocol/resource-path.ts'
import type { ManagedObjects } from '../managed/managed.ts'
import { missing, resource } from './listed.ts'

/** `schema/managed/TYPE`: the `schema` in force, with `properties` and `required`. */
export const schemas = (types: ManagedObjects['types']): ResourceHandler => ({
  read: async ({ resourcePath }) => {
    const [collection, name, ...rest] = pathElements(resourcePath)
    const isType = collection === 'managed' && rest.length === 0
    const served = isType ? types().find((type) => type.name === name) : undefined
    if (!served?.schema) throw missing('schema', resourcePath)
    return resource(served.name, served.schema)
  },
})
