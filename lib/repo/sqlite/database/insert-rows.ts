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
export const insertRows = (
  session: Session,
  into: string,
  shared: readonly unknown[],
  rows: readonly (readonly unknown[])[],
): Promise<number> => eachSome(session, { before: into, behind: '', repeats: true }, shared, rows)

/**
 * Changes rows in the same way.
 * @param update such as `update t set a = ?1, b = v.column2 from`, and behind the values `where t.key = v.column1`
 * @param shared what is the same for all: ?1, ?2, …
 * @returns how many were changed
 */
export const updateRows = (
  session: Session,
  [before, behind]: readonly [before: string, behind: string],
  shared: readonly unknown[],
  rows: readonly (readonly unknown[])[],
): Promise<number> =>
  eachSome(session, { before: `${before} (`, behind: `) as v ${behind}`, repeats: false }, shared, rows)

/** A statement but for the values of its rows. */
interface Frame {
  readonly before: string
  readonly behind: string
  /** Each row begins with what all share. */
  readonly repeats: boolean
}

async function eachSome(
  session: Session,
  frame: Frame,
  shared: readonly unknown[],
  rows: readonly (readonly unknown[])[],
): Promise<number> {
  let changed = 0
  let start = 0
  for (const size of SIZES) {
    for (; rows.length - start >= size; start += size) {
      const some = rows.slice(start, start + size)
      const text = statement(frame, shared.length, some[0]?.length ?? 0, size)
      const { numAffectedRows } = await session.executeQuery(CompiledQuery.raw(text, [...shared, ...some.flat()]))
      changed += Number(numAffectedRows ?? 0n)
    }
  }
  return changed
}

const statements = new Map<string, string>()

function statement({ before, behind, repeats }: Frame, shared: number, own: number, size: number): string {
  const name = `${size} ${own} ${shared} ${before} ${behind}`
  const known = statements.get(name)
  if (known !== undefined) return known
  const parameters = (first: number, count: number) => Array.from({ length: count }, (_, index) => `?${first + index}`)
  const common = repeats ? parameters(1, shared) : []
  const values = Array.from({ length: size }, (_, row) => [...common, ...parameters(shared + 1 + row * own, own)])
  const text = `${before} values ${values.map((row) => `(${row.join(', ')})`).join(', ')}${behind}`
  statements.set(name, text)
  return text
}
