import type { Mapping } from './mapping.ts'
import { syncAfterOf } from './relationship-faults.ts'

/**
 * Sorts mappings topologically by what goes before them, and keeps the order otherwise. Unknown names are ignored; a cycle
 * is cut where it is found first.
 */
export function inOrder<T extends { readonly mapping: Pick<Mapping, 'name' | 'syncAfter' | 'properties'> }>(
  entries: readonly T[],
): T[] {
  const ordered = new Set<T>()
  const visit = (entry: T, path: readonly T[]): void => {
    if (ordered.has(entry) || path.includes(entry)) return
    for (const name of syncAfterOf(entry.mapping)) {
      const before = entries.find(({ mapping }) => mapping.name === name)
      if (before) visit(before, [...path, entry])
    }
    ordered.add(entry)
  }
  for (const entry of entries) visit(entry, [])
  return [...ordered]
}
