import { parseStoredJson } from '../../../core/json.ts'
import { DamagedRow } from './damaged-row.ts'

/** Reads what this gateway has stored. @throws DamagedRow that names the row */
export function readJson<T>(text: string, table: string, row: string | number): T {
  try {
    return parseStoredJson(text) as T
  } catch (error) {
    throw new DamagedRow(table, String(row), error)
  }
}

/** Reads rows some at a time, with other work of the process in between. */
export async function readInTurns<R, T>(rows: readonly R[], read: (row: R) => T): Promise<T[]> {
  const results: T[] = []
  for (let start = 0; start < rows.length; start += ROWS_PER_TURN) {
    if (start > 0) await new Promise((next) => setImmediate(next))
    for (const row of rows.slice(start, start + ROWS_PER_TURN)) results.push(read(row))
  }
  return results
}

const ROWS_PER_TURN = 250
