import type { Notice } from '../gateway/configuration/notices.ts'
import { table } from './text.ts'

export { type Notice, noticesOf } from '../gateway/configuration/notices.ts'

/**
 * What of a project's files is not in force, as one table: for `doctor`, and when the gateway starts.
 * @param width of the terminal; undefined keeps each row on one line
 */
export function noticeTable(notices: readonly Notice[], width: number | undefined): string {
  const rows = notices.flatMap(({ file, key, what, cure }) => [[file, key, what], `  do: ${cure}`])
  return table([['FILE', 'KEY', 'NOT IN FORCE'], ...rows], { width })
}
