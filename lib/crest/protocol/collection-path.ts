import { badRequest, notFound, notSupported } from '../errors.ts'
import { pathElements } from './resource-path.ts'

/** @throws notSupported for a path below an object: an object holds no others */
export function requireCollection(resourcePath: string): void {
  if (resourcePath !== '') throw notSupported('This request is for a collection; the resource is none')
}

/** @throws badRequest for the collection itself, notFound for a path below an object */
export function objectId(resourcePath: string): string {
  const [id, ...others] = pathElements(resourcePath)
  if (id === undefined) throw badRequest('This request needs the id of a resource behind the collection')
  if (others.length > 0) throw notFound(`Resource '${resourcePath}' not found`)
  return id
}
