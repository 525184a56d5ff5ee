import type { ColumnType, Dialect } from './dialect.ts'
import { run, type Work } from './work.ts'

/** The values of rows, one row after the other. */
export interface Values {
  /** Values per row. */
  readonly width: number
  readonly values: readonly unknown[]
}

/**
 * Inserts rows with few statements: a JSON text of all of them, taken apart by the database, costs three times as much.
 * @param into such as `insert into t (a, b, c)`
 * @param shared the values of the first columns, the same for all rows
 * @param rows the values of the other columns
 * @returns how many were added: fewer than there are where `into` ignores some
 */
export const insertRows = (
  dialect: Dialect,
  into: string,
  shared: readonly unknown[],
  rows: Values,
  behind = '',
): Work<number> => runInSizes(dialect, { before: into, behind, repeats: true }, shared, rows)

/** For `insertRows`: what is there already stays. */
export const IGNORE = ' on conflict do nothing'

/**
 * Updates rows in the same way.
 * @param update such as `update t set a = ?1, b = v.column2 from`, and after the values `where t.key = v.column1`
 * @param shared the same for all rows: ?1, ?2, …
 * @param types of the values of a row
 * @returns how many were changed
 */
export const updateRows = (
  dialect: Dialect,
  [before, behind]: readonly [before: string, behind: string],
  shared: readonly unknown[],
  values: readonly unknown[],
  types: readonly ColumnType[],
): Work<number> => {
  const frame = { before: `${before} (`, behind: `) as v ${behind}`, repeats: false, types }
  return runInSizes(dialect, frame, shared, { width: types.length, values })
}

/** A statement but for the values of its rows. */
interface Frame {
  readonly before: string
  readonly behind: string
  /** Each row begins with what all share. */
  readonly repeats: boolean
  /** Of the values of a row, where the statement does not tell them. */
  readonly types?: readonly ColumnType[]
}

function* runInSizes(
  dialect: Dialect,
  frame: Frame,
  shared: readonly unknown[],
  { width, values }: Values,
): Work<number> {
  let changed = 0
  for (let start = 0; start < values.length; ) {
    const size = dialect.insertSize((values.length - start) / width)
    const end = start + size * width
    const text = statement(dialect, frame, shared.length, width, size)
    changed += yield* run(text, [...shared, ...values.slice(start, end)])
    start = end
  }
  return changed
}

/** Where every number of rows is a statement, not all are kept. */
const MAX_STATEMENTS = 200

const statementsOf = new WeakMap<Dialect, Map<string, string>>()

function statement(
  dialect: Dialect,
  { before, behind, repeats, types = [] }: Frame,
  shared: number,
  own: number,
  size: number,
): string {
  const name = `${size} ${own} ${shared} ${before} ${behind}`
  const statements = statementsOf.get(dialect) ?? new Map<string, string>()
  statementsOf.set(dialect, statements)
  const known = statements.get(name)
  if (known !== undefined) return known
  const common = repeats ? Array.from({ length: shared }, (_, index) => `?${index + 1}`) : []
  // Without a number each takes the next one. Those with a number count as named, and for each value that is bound
  // SQLite searches the list of names.
  const places = Array.from({ length: own }, (_, index) => {
    const type = types[index]
    return type === undefined ? '?' : dialect.typed('?', type)
  })
  const values = Array.from({ length: size }, () => [...common, ...places])
  const text = `${before} values ${values.map((row) => `(${row.join(', ')})`).join(', ')}${behind}`
  if (statements.size < MAX_STATEMENTS) statements.set(name, text)
  return text
}
