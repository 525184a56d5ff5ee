import { CompiledQuery } from './kysely.ts'
import type { Session } from './tables.ts'

/** So many rows go into one statement; more gain nothing, and each number of rows is a statement that is kept. */
const SIZES = [100, 10, 1] as const

/**
 * Inserts rows with as few statements as pay: a JSON text of all of them, taken apart by the database, costs three times
 * as much.
 * @param into such as `insert into t (a, b, c)`
 * @param shared what all rows have in the first columns
 * @param rows what each has in the others
 * @returns how many were added: fewer than there are where `into` ignores some
 */
export async function insertRows(
  session: Session,
  into: string,
  shared: readonly unknown[],
  rows: readonly (readonly unknown[])[],
): Promise<number> {
  let added = 0
  let start = 0
  for (const size of SIZES) {
    for (; rows.length - start >= size; start += size) {
      const some = rows.slice(start, start + size)
      const text = statement(into, shared.length, some[0]?.length ?? 0, size)
      const { numAffectedRows } = await session.executeQuery(CompiledQuery.raw(text, [...shared, ...some.flat()]))
      added += Number(numAffectedRows ?? 0n)
    }
  }
  return added
}

const statements = new Map<string, string>()

function statement(into: string, shared: number, own: number, size: number): string {
  const name = `${size} ${own} ${shared} ${into}`
  const known = statements.get(name)
  if (known !== undefined) return known
  const parameters = (first: number, count: number) => Array.from({ length: count }, (_, index) => `?${first + index}`)
  const common = parameters(1, shared)
  const values = Array.from({ length: size }, (_, row) => [...common, ...parameters(shared + 1 + row * own, own)])
  const text = `${into} values ${values.map((row) => `(${row.join(', ')})`).join(', ')}`
  statements.set(name, text)
  return text
}
