import type { Session } from './session.ts'

/** Rows per statement. More gain nothing, and each size is a statement that is kept. */
const SIZES = [100, 10, 1] as const

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
export const insertRows = (session: Session, into: string, shared: readonly unknown[], rows: Values): number =>
  runInSizes(session, { before: into, behind: '', repeats: true }, shared, rows)

/**
 * Updates rows in the same way.
 * @param update such as `update t set a = ?1, b = v.column2 from`, and after the values `where t.key = v.column1`
 * @param shared the same for all rows: ?1, ?2, …
 * @returns how many were changed
 */
export const updateRows = (
  session: Session,
  [before, behind]: readonly [before: string, behind: string],
  shared: readonly unknown[],
  rows: Values,
): number => runInSizes(session, { before: `${before} (`, behind: `) as v ${behind}`, repeats: false }, shared, rows)

/** A statement but for the values of its rows. */
interface Frame {
  readonly before: string
  readonly behind: string
  /** Each row begins with what all share. */
  readonly repeats: boolean
}

function runInSizes(session: Session, frame: Frame, shared: readonly unknown[], { width, values }: Values): number {
  let changed = 0
  let start = 0
  for (const size of SIZES) {
    const step = size * width
    for (; values.length - start >= step; start += step) {
      const text = statement(frame, shared.length, width, size)
      const parameters = [...shared, ...values.slice(start, start + step)]
      changed += session.run(text, parameters)
    }
  }
  return changed
}

const statements = new Map<string, string>()

function statement({ before, behind, repeats }: Frame, shared: number, own: number, size: number): string {
  const name = `${size} ${own} ${shared} ${before} ${behind}`
  const known = statements.get(name)
  if (known !== undefined) return known
  const common = repeats ? Array.from({ length: shared }, (_, index) => `?${index + 1}`) : []
  // Without a number each takes the next one. Those with a number count as named, and for each value that is bound
  // SQLite searches the list of names.
  const values = Array.from({ length: size }, () => [...common, ...Array.from({ length: own }, () => '?')])
  const text = `${before} values ${values.map((row) => `(${row.join(', ')})`).join(', ')}${behind}`
  statements.set(name, text)
  return text
}
