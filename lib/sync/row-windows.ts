import type { Row } from '../repo/runs/run-row.ts'

/** The rows of a run in windows, by ascending key. @param read the rows after a key; none = the end */
export async function* rowWindows(read: (after: number) => Promise<Row[]>, start = 0): AsyncGenerator<Row[], void> {
  for (let after = start; ; ) {
    const rows = await read(after)
    const last = rows.at(-1)
    if (!last) return
    yield rows
    after = last.key
  }
}
