/** A position in a script. */
export interface Position {
  readonly file?: string
  readonly line?: number
  readonly column?: number
}

/** The content of a stack trace of the engine. */
export interface Place {
  readonly position: Position
  /** Whether nothing has run: the engine reports a place without a function. */
  readonly isUnrun: boolean
  /** The trace without lines of the prelude. */
  readonly stack: string
}

/** The name of the prelude in stack traces. */
export const PRELUDE = '<prelude>'

/** Parses `    at name (file:line:column)` and `    at file:line:column`. */
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
