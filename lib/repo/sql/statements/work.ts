/** One statement. Placeholders are `?`, which takes the next number, and `?1`, `?2`, … */
export interface Statement {
  readonly text: string
  readonly parameters: readonly unknown[]
  /**
   * Whether its rows are wanted, or how many rows it has changed. `nothing`: the next statement need not wait for its answer;
   * when it fails, the transaction does.
   */
  readonly wants: 'rows' | 'changes' | 'nothing'
}

/** What a statement gives: its rows, or a number. */
export type Given = readonly unknown[] | number

/**
 * Statements and what is made of their rows. It does not say who runs them: SQLite runs them at once and one after the
 * other, a server answers each after a while. It holds no state beside its own, so that it can be done again from its
 * beginning.
 */
export type Work<T> = Generator<Statement, T, Given>

/** The rows of a query. */
export function* all<T>(text: string, parameters: readonly unknown[] = []): Work<T[]> {
  return (yield { text, parameters, wants: 'rows' }) as T[]
}

/** The first row of a query, or undefined. */
export function* first<T>(text: string, parameters: readonly unknown[] = []): Work<T | undefined> {
  return ((yield { text, parameters, wants: 'rows' }) as T[])[0]
}

/** How many rows a statement has changed. */
export function* run(text: string, parameters: readonly unknown[] = []): Work<number> {
  return (yield { text, parameters, wants: 'changes' }) as number
}

/** Statements of a transaction whose answers are not looked at: to a server, what follows is sent with them. */
export function* aside(work: Work<unknown>): Work<void> {
  for (let step = work.next(); !step.done; step = work.next(0)) yield { ...step.value, wants: 'nothing' }
}
