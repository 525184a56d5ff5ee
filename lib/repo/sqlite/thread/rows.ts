/** Rows as one list of values: cloning an object for each row takes three times as long. */
interface PackedRows {
  readonly columns: readonly string[]
  /** One row after the other. */
  readonly values: readonly unknown[]
}

/** Fewer rows are sent as they are. */
const MIN_ROWS = 8

type Members = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)

/** Packs rows: a list of objects that have the same members in the same order, or such a list in a member `rows`. */
export function pack(value: unknown): unknown {
  if (isObject(value) && Array.isArray(value.rows)) return { ...value, rows: pack(value.rows) }
  if (!Array.isArray(value) || value.length < MIN_ROWS || !isObject(value[0])) return value
  const columns = Object.keys(value[0])
  const values: unknown[] = []
  for (const row of value as Members[]) {
    let index = 0
    for (const name in row) {
      if (name !== columns[index]) return value
      values.push(row[name])
      index += 1
    }
    if (index !== columns.length) return value
  }
  const packed: PackedRows = { columns, values }
  return packed
}

/** What `pack` was given. */
export function unpack(value: unknown): unknown {
  if (!isObject(value)) return value
  if ('rows' in value) return { ...value, rows: unpack(value.rows) }
  if (!('columns' in value)) return value
  const { columns, values } = value as unknown as PackedRows
  const rows: Members[] = []
  for (let start = 0; start < values.length; start += columns.length) {
    const row: Record<string, unknown> = {}
    for (let index = 0; index < columns.length; index++) row[columns[index] as string] = values[start + index]
    rows.push(row)
  }
  return rows
}
