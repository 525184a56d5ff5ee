import type { Json, JsonObject } from '../../contract.ts'
import { badRequest } from '../../crest/errors.ts'
import { childPath, pathElements, pathFrom } from '../../crest/protocol/resource-path.ts'
import { LinkSpace } from '../evaluate/link-space.ts'
import type { ReconServiceParts } from '../runs/recon-service.ts'

/** What is linked to an object by any mapping, each once, with its content. */
export async function linkedResources(parts: ReconServiceParts, resourceName: string): Promise<Json> {
  const elements = pathElements(resourceName)
  const id = elements.at(-1)
  if (elements.length < 2 || id === undefined)
    throw badRequest('The parameter resourceName must be the path of an object')
  const collection = pathFrom(elements.slice(0, -1))
  const found = new Map<string, JsonObject>()
  const mappings = parts.mappings.all().map(({ mapping }) => mapping)
  for (const mapping of mappings) {
    const links = new LinkSpace(mapping, mappings, parts.links)
    const type = mapping.links ?? mapping.name
    const add = async (path: string, key: string, linkQualifier: string, role: string) => {
      const name = childPath(path, key)
      const known = found.get(`${name} ${linkQualifier}`)
      if (known) return void (known.mappings as Json[]).push({ name: mapping.name, type: role })
      const content = await parts.connection.read(name)
      const mappings = [{ name: mapping.name, type: role }]
      found.set(`${name} ${linkQualifier}`, { resourceName: name, content, linkQualifier, linkType: type, mappings })
    }
    if (mapping.source === collection)
      for (const link of await links.bySources([links.sourceKey(id)]))
        await add(mapping.target, link.targetKey, link.qualifier, 'source')
    if (mapping.target === collection)
      for (const link of await links.byTargets([links.targetKey(id)]))
        await add(mapping.source, link.sourceKey, link.qualifier, 'target')
  }
  return [...found.values()]
}
