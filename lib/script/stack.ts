/** Where in a script something happened, read from the stack trace of the engine. */
export interface Place {
  readonly position: { readonly file?: string; readonly line?: number; readonly column?: number }
  /** Whether nothing ran yet: the engine names a place, and no function at it. */
  readonly isUnrun: boolean
  /** The trace without lines of our own. */
  readonly stack: string
}

/**
 * Reads `    at name (file:line:column)` and `    at file:line:column`.
 * @param own the file whose lines are left out
 */
export function placeIn(stack: string, own: string): Place {
  const lines = stack.split('\n').filter((line) => line.trim() !== '' && !line.includes(own))
  const visible = lines.filter((line) => !line.endsWith('(native)'))
  const [, file, line, column] = /(?:\(|at )([^()]+?)(?::(\d+))?(?::(\d+))?\)?$/.exec(visible[0] ?? '') ?? []
  const position = {
    ...(file !== undefined && { file }),
    ...(line !== undefined && { line: Number(line) }),
    ...(column !== undefined && { column: Number(column) }),
  }
  const isUnrun = lines.length === 1 && !lines[0]?.includes('(')
  return { position, isUnrun, stack: lines.join('\n') }
}
