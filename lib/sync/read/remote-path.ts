import { pathElements } from '../../crest/protocol/resource-path.ts'

/** The name of the instance that a path is at; undefined for what this gateway keeps. */
export function instanceIn(path: string): string | undefined {
  const [first, second, name] = pathElements(path)
  return first === 'external' && second === 'idm' ? name : undefined
}
