/**
 * Runs statements, in a transaction or outside one. Statements run at once and one after the other: a function that does
 * not await anything between them sees no work of others.
 */
export interface Session {
  /** @returns the rows of a query */
  all<T>(text: string, parameters?: readonly unknown[]): T[]
  /** @returns how many rows were changed */
  run(text: string, parameters?: readonly unknown[]): number
}
