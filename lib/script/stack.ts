/** Where in a script something is. */
export interface Position {
  readonly file?: string
  readonly line?: number
  readonly column?: number
}

/** What a stack trace of the engine says. */
export interface Place {
  readonly position: Position
  /** Whether nothing ran yet: the engine names a place, and no function at it. */
  readonly isUnrun: boolean
  /** The trace without lines of our own. */
  readonly stack: string
}

/** The name of our own code in stack traces. */
export const PRELUDE = '<prelude>'

/** Reads `    at name (file:line:column)` and `    at file:line:column`. */
export function placeIn(trace: string): Place {
  const lines = trace.split('\n').filter((line) => line.trim() !== '' && !line.includes(PRELUDE))
  const first = lines.find((line) => !line.endsWith('(native)')) ?? ''
  const [, file, line, column] = /(?:\(|at )([^()]+?)(?::(\d+))?(?::(\d+))?\)?$/.exec(first) ?? []
  const position = {
    ...(file !== undefined && { file }),
    ...(line !== undefined && { line: Number(line) }),
    ...(column !== undefined && { column: Number(column) }),
  }
  return { position, isUnrun: lines.length === 1 && !first.includes('('), stack: lines.join('\n') }
}
