/** What of a project's files is not in force, as one table: for `doctor`, and when the gateway starts. */
import type { ConfigurationFileFault } from '../contract.ts'
import { table } from './text.ts'

export interface Notice {
  readonly file: string
  /** Names joined by dots; empty for the file as a whole. */
  readonly key: string
  /** What is not in force, and what is instead. */
  readonly what: string
  /** What to do. */
  readonly cure: string
}

/** In the order of the files. */
export function noticesOf(found: Iterable<ConfigurationFileFault>): Notice[] {
  const notices = [...found].map(
    ({ file, pointer, reason, consequence, cure }): Notice => ({
      file,
      key: pointer.join('.'),
      what: consequence === undefined ? reason : `${reason}; ${consequence}`,
      cure: cure ?? (consequence === undefined ? 'nothing, or take it out' : 'correct it, or take it out'),
    }),
  )
  const { compare } = new Intl.Collator('en', { numeric: true })
  return notices.sort((one, other) => compare(one.file, other.file) || compare(one.key, other.key))
}

/** @param width of the terminal; undefined keeps each row on one line */
export function noticeTable(notices: readonly Notice[], width: number | undefined): string {
  const rows = notices.flatMap(({ file, key, what, cure }) => [[file, key, what], `  do: ${cure}`])
  return table([['FILE', 'KEY', 'NOT IN FORCE'], ...rows], { width })
}
