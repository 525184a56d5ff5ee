import type { Mapping } from './mapping.ts'

/**
 * Puts those that others name in `syncAfter` before them, and leaves the rest as it is. Names that nobody has are
 * ignored; a circle is cut where it is met first.
 */
export function inOrder<T extends { readonly mapping: Pick<Mapping, 'name' | 'syncAfter'> }>(
  entries: readonly T[],
): T[] {
  const ordered = new Set<T>()
  const visit = (entry: T, path: readonly T[]): void => {
    if (ordered.has(entry) || path.includes(entry)) return
    for (const name of entry.mapping.syncAfter) {
      const before = entries.find(({ mapping }) => mapping.name === name)
      if (before) visit(before, [...path, entry])
    }
    ordered.add(entry)
  }
  for (const entry of entries) visit(entry, [])
  return [...ordered]
}
