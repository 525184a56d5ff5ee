import type { ConfigurationFileFault } from '../../contract.ts'

/** What of a project's files is not in force, for a person. */
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
